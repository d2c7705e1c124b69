package differential

// What a look-up leaves behind: keymiss events, and keyspace_hits and keyspace_misses of INFO. Each command that takes keys is run on keys that
// exist, that do not, and that are of another type, alone and in a transaction.

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lookupKeys are there before each line: a string s, a number n, and one key of each other type, called by its first letter.
var lookupKeys = []string{
	"SET s abcdef", "SET n 5", "RPUSH l 3 1 2", "SADD m 1 2 3", "HSET h f 1 g 2", "ZADD z 1 a 2 b", "GEOADD g 13.3 38.1 p 15 37.5 c", "PFADD p a b c",
}

// lookupLines are the commands; none is no key.
var lookupLines = strings.Split(strings.TrimSpace(`
GET s; GET none; GET l; GETRANGE s 0 1; GETRANGE none 0 1; GETRANGE none 0 x; SUBSTR none 0 1; STRLEN s; STRLEN none; MGET s none l n
GETSET s v; GETSET none v; GETSET l v; GETDEL s; GETDEL none; GETDEL l; GETEX s; GETEX none; GETEX none EX 10; GETEX s EX 10; GETEX s PERSIST; GETEX l; GETEX l EX 10; GETEX none EX x
SET s v GET; SET none v GET; SET l v GET; SET none v NX GET; SET s v NX GET; SET s v XX GET; SET none v XX GET; SET s v; SET none v; SET s v KEEPTTL; SET s v NX; SET none v XX
SETNX s v; SETNX none v; SETEX s 10 v; PSETEX none 10000 v; SETRANGE s 1 x; SETRANGE none 1 x; SETRANGE none 0 v; APPEND s x; APPEND none x; APPEND l x
INCR n; INCR none; INCR s; INCRBY n 2; DECR none; DECRBY n 1; INCRBYFLOAT n 1.5; INCRBYFLOAT none 1; MSET s v none v; MSETNX none v s v; MSETNX none v
LCS s n; LCS s none; LCS none other; LCS l s; LCS s l; LCS none l; LCS l none; LCS none other NONSENSE; LCS s none MINMATCHLEN x; LCS s none LEN IDX
SETBIT s 1 1; SETBIT none 1 1; SETBIT none 1 0; GETBIT s 1; GETBIT none 1; GETBIT l 1; GETBIT none x; BITCOUNT s; BITCOUNT none; BITCOUNT l; BITCOUNT none 0; BITCOUNT none 0 1; BITCOUNT none x 1
BITPOS s 1; BITPOS none 1; BITPOS none 0; BITPOS none 2; BITPOS l 1; BITPOS none 1 x; BITOP AND none s other; BITOP NOT s none; BITOP OR to s none l; BITOP XOR to none other; BITOP NOT to s
BITFIELD s GET u8 0; BITFIELD none GET u8 0; BITFIELD l GET u8 0; BITFIELD none; BITFIELD none OVERFLOW SAT; BITFIELD none SET u8 0 1; BITFIELD none GET u8 0 INCRBY u8 0 1; BITFIELD s SET u8 0 1; BITFIELD none GET x 0
BITFIELD_RO s GET u8 0; BITFIELD_RO none GET u8 0; BITFIELD_RO l GET u8 0; BITFIELD_RO none SET u8 0 1
EXISTS s none s; EXISTS none; TYPE s; TYPE none; TTL s; TTL none; PTTL none; PTTL s; EXPIRETIME none; PEXPIRETIME s; TOUCH s none; DEL s none; UNLINK none s; RENAME s to; RENAME none to; RENAMENX s n; RENAMENX none n
COPY s to; COPY none to; COPY s n; COPY s n REPLACE; COPY none n REPLACE; COPY s to DB 1; COPY s s; COPY none none; MOVE s 1; MOVE none 1; PERSIST s; PERSIST none; EXPIRE s 100; EXPIRE none 100; EXPIRE s -1; PEXPIRE none 1000; EXPIREAT none 1; PEXPIREAT s 1; EXPIRE s 100 XX
DUMP s; DUMP none; DUMP l; OBJECT ENCODING s; OBJECT ENCODING none; OBJECT REFCOUNT none; OBJECT IDLETIME none; OBJECT FREQ none; OBJECT IDLETIME s; KEYS *; SCAN 0; RANDOMKEY; DBSIZE; MEMORY USAGE s; MEMORY USAGE none; DEBUG OBJECT none; WATCH none s; RESTORE s 0 x; RESTORE none 0 x
LLEN l; LLEN none; LLEN s; LINDEX l 0; LINDEX l 9; LINDEX none 0; LINDEX none x; LINDEX s 0; LRANGE l 0 -1; LRANGE none 0 -1; LRANGE none x y; LRANGE s 0 -1; LPOS l 1; LPOS l 9; LPOS none 1; LPOS none 1 COUNT 0; LPOS none 1 RANK 0; LPOS s 1
LPUSH l 1; LPUSH none 1; LPUSHX none 1; RPUSHX l 1; RPUSH none 1; LINSERT l BEFORE 1 9; LINSERT none BEFORE 1 9; LSET l 0 x; LSET none 0 x; LTRIM l 0 0; LTRIM none 0 0; LREM l 0 1; LREM none 0 1
LPOP l; LPOP none; LPOP none 2; LPOP l 0; LPOP none 0; RPOP l 9; RPOP s; LMOVE l to LEFT LEFT; LMOVE none to LEFT LEFT; RPOPLPUSH none l; RPOPLPUSH l l; LMPOP 2 none l LEFT; LMPOP 1 none LEFT; BLPOP l none 0.01; BRPOP none l 0.01; BLMPOP 0.01 2 none l LEFT; BLMOVE l to LEFT LEFT 0.01; BRPOPLPUSH l to 0.01
SCARD m; SCARD none; SCARD l; SMEMBERS m; SMEMBERS none; SMEMBERS l; SISMEMBER m 1; SISMEMBER none 1; SISMEMBER l 1; SMISMEMBER m 1 9; SMISMEMBER none 1; SMISMEMBER l 1; SRANDMEMBER m; SRANDMEMBER none; SRANDMEMBER none 2; SRANDMEMBER m 0; SRANDMEMBER none 0; SRANDMEMBER none x; SRANDMEMBER l
SADD m 9; SADD none 9; SREM m 1; SREM none 1; SMOVE m to 1; SMOVE none m 1; SMOVE m none 9; SMOVE m m 1; SPOP m; SPOP none; SPOP none 2; SPOP m 0; SPOP none 0; SPOP l; SSCAN m 0; SSCAN none 0; SSCAN l 0; SSCAN none x
SINTER m none; SINTER none m; SINTER none other; SINTER m m; SINTER m l; SINTER l m; SINTER none l; SINTER l none; SINTERSTORE to m none; SINTERSTORE to none m; SINTERSTORE to m m; SINTERSTORE to none l; SINTERSTORE to l none; SINTERSTORE m none; SINTERCARD 2 m none; SINTERCARD 2 none m; SINTERCARD 1 l; SINTERCARD 2 none l
SUNION m none; SUNION none other; SUNION none l; SUNION l none; SUNIONSTORE to m none; SUNIONSTORE to none l; SUNIONSTORE m none; SDIFF m none; SDIFF none m; SDIFF none l; SDIFF m none other; SDIFFSTORE to m none; SDIFFSTORE to none m; SDIFFSTORE to none l
HGET h f; HGET h none; HGET none f; HGET l f; HMGET h f none; HMGET none f; HMGET l f; HGETALL h; HGETALL none; HGETALL l; HKEYS none; HKEYS h; HVALS none; HVALS l; HLEN h; HLEN none; HSTRLEN h f; HSTRLEN none f; HEXISTS h f; HEXISTS none f; HRANDFIELD h; HRANDFIELD none; HRANDFIELD none 2; HRANDFIELD h 0; HRANDFIELD none 2 WITHVALUES; HRANDFIELD l; HSCAN h 0; HSCAN none 0; HSCAN l 0
HSET h f 2; HSET none f 2; HSETNX h f 2; HMSET none f 1; HDEL h f; HDEL none f; HINCRBY h f 1; HINCRBY none f 1; HINCRBYFLOAT none f 1
ZCARD z; ZCARD none; ZCARD l; ZSCORE z a; ZSCORE z none; ZSCORE none a; ZMSCORE z a none; ZMSCORE none a; ZRANK z a; ZRANK none a; ZREVRANK none a; ZREVRANK l a; ZCOUNT z 0 9; ZCOUNT none 0 9; ZCOUNT none x 9; ZCOUNT l 0 9; ZLEXCOUNT none - +; ZLEXCOUNT z - +; ZLEXCOUNT none x +
ZRANGE z 0 -1; ZRANGE none 0 -1; ZRANGE none x 1; ZRANGE l 0 -1; ZRANGE none 0 9 BYSCORE; ZRANGE none - + BYLEX; ZRANGE none x + BYLEX; ZRANGE z 0 9 BYSCORE LIMIT 0 1; ZRANGE none 0 9 LIMIT 0 1; ZREVRANGE none 0 -1; ZREVRANGE z 0 -1; ZRANGEBYSCORE none 0 9; ZRANGEBYSCORE z 0 9; ZRANGEBYSCORE l 0 9; ZREVRANGEBYSCORE none 9 0; ZRANGEBYLEX none - +; ZREVRANGEBYLEX none + -
ZRANGESTORE to z 0 -1; ZRANGESTORE to none 0 -1; ZRANGESTORE to l 0 -1; ZRANGESTORE z none 0 -1; ZRANGESTORE to none 0 9 BYSCORE; ZRANGESTORE to none x y; ZRANDMEMBER z; ZRANDMEMBER none; ZRANDMEMBER none 2; ZRANDMEMBER z 0; ZRANDMEMBER l; ZSCAN z 0; ZSCAN none 0; ZSCAN l 0
ZADD z 1 a; ZADD none 1 a; ZADD z INCR 1 a; ZINCRBY none 1 a; ZREM z a; ZREM none a; ZREMRANGEBYRANK none 0 1; ZREMRANGEBYSCORE z 0 1; ZREMRANGEBYLEX none - +; ZPOPMIN z; ZPOPMIN none; ZPOPMAX none 2; ZPOPMIN z 0; ZMPOP 2 none z MIN; ZMPOP 1 none MAX; BZPOPMIN none z 0.01; BZPOPMAX z 0.01; BZMPOP 0.01 1 z MIN
ZUNION 2 z none; ZUNION 2 none z; ZUNION 2 none other; ZUNION 2 none l; ZUNION 2 l none; ZUNION 2 z m; ZUNION 1 none WEIGHTS x; ZINTER 2 z none; ZINTER 2 none z; ZINTER 2 none l; ZINTER 2 z z; ZINTERCARD 2 z none; ZINTERCARD 2 none z; ZINTERCARD 1 none LIMIT x; ZDIFF 2 z none; ZDIFF 2 none z; ZDIFF 2 none l
ZUNIONSTORE to 2 z none; ZUNIONSTORE to 2 none z; ZUNIONSTORE to 2 none l; ZUNIONSTORE to 2 l none; ZUNIONSTORE z 1 none; ZUNIONSTORE to 1 none WEIGHTS x; ZINTERSTORE to 2 z none; ZINTERSTORE to 2 none z; ZINTERSTORE to 2 none l; ZDIFFSTORE to 2 z none; ZDIFFSTORE to 2 none z; ZDIFFSTORE to 2 none l
GEOADD g 1 1 x; GEOADD none 1 1 x; GEODIST g p c; GEODIST g p none; GEODIST none p c; GEODIST l p c; GEODIST none p c x; GEOHASH g p; GEOHASH none p; GEOHASH l p; GEOPOS g p none; GEOPOS none p; GEOPOS l p
GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km; GEOSEARCH none FROMLONLAT 15 37 BYRADIUS 200 km; GEOSEARCH none FROMMEMBER p BYRADIUS 200 km; GEOSEARCH none FROMLONLAT 15 37 BYRADIUS x km; GEOSEARCH l FROMLONLAT 15 37 BYRADIUS 200 km; GEOSEARCH none FROMLONLAT 15 37 BYBOX 1 1 km COUNT 0
GEOSEARCHSTORE to g FROMLONLAT 15 37 BYRADIUS 200 km; GEOSEARCHSTORE to none FROMLONLAT 15 37 BYRADIUS 200 km; GEOSEARCHSTORE to none FROMLONLAT 15 37 BYRADIUS x km; GEOSEARCHSTORE to l FROMLONLAT 15 37 BYRADIUS 200 km; GEOSEARCHSTORE g none FROMLONLAT 15 37 BYRADIUS 200 km; GEOSEARCHSTORE g none FROMMEMBER x BYRADIUS 200 km
GEORADIUS g 15 37 200 km; GEORADIUS none 15 37 200 km; GEORADIUS none 15 37 x km; GEORADIUS none x 37 200 km; GEORADIUS l 15 37 200 km; GEORADIUS none 15 37 200 km STORE; GEORADIUS g 15 37 200 km STORE to; GEORADIUS none 15 37 200 km STORE to; GEORADIUS none 15 37 x km STORE to; GEORADIUS none 15 37 200 km STORE g; GEORADIUS l 15 37 200 km STORE to
GEORADIUS_RO none 15 37 200 km; GEORADIUS_RO none 15 37 200 x; GEORADIUSBYMEMBER g p 200 km; GEORADIUSBYMEMBER g none 200 km; GEORADIUSBYMEMBER none p 200 km; GEORADIUSBYMEMBER none p x km; GEORADIUSBYMEMBER none p 200 km COUNT x; GEORADIUSBYMEMBER none p 200 km STORE to; GEORADIUSBYMEMBER g none 200 km STORE to; GEORADIUSBYMEMBER_RO none p 200 km; GEORADIUSBYMEMBER_RO g p 200 km
PFADD p x; PFADD none; PFADD none x; PFCOUNT p; PFCOUNT none; PFCOUNT s; PFCOUNT l; PFCOUNT p none; PFCOUNT none other; PFCOUNT none s; PFCOUNT none l; PFMERGE to p none; PFMERGE p none; PFMERGE none; PFMERGE to none s; PFMERGE to none l; PFMERGE p p; PFMERGE to; PFMERGE s none; PFDEBUG ENCODING none; PFDEBUG ENCODING p; PFDEBUG GETREG p; PFDEBUG TODENSE p; PFDEBUG NONSENSE none
SORT l; SORT none; SORT s; SORT h; SORT l BY w_*; SORT l BY w_* GET o_*; SORT l BY h->f GET h; SORT l BY h*->f; SORT l GET n; SORT m ALPHA BY none; SORT none NONSENSE; SORT none LIMIT x 1; SORT l STORE to; SORT none STORE to; SORT none STORE l; SORT s STORE to; SORT l BY w_* GET o_* STORE to; SORT_RO none; SORT_RO l; SORT_RO l GET none; SORT_RO s
`), "\n")

// lookupCase is a line, alone or in a transaction.
type lookupCase struct {
	args   []string
	queued bool
}

func (c lookupCase) String() string {
	if c.queued {
		return line(c.args) + " in MULTI"
	}
	return line(c.args)
}

// lookupChunk is how many cases go in one pipeline.
const lookupChunk = 40

// TestLookups compares what look-ups leave behind with redis-server.
func TestLookups(t *testing.T) {
	needRedis(t)
	p := newPair(t, *server, *pipeline)
	var cases []lookupCase
	for _, row := range lookupLines {
		for line := range strings.SplitSeq(row, "; ") {
			args := strings.Fields(line)
			cases = append(cases, lookupCase{args, false})
			if args[0] != "WATCH" && args[0] != "MEMORY" && args[0] != "DEBUG" { // see rowSession
				cases = append(cases, lookupCase{args, true})
			}
		}
	}
	p.lookupsCover(t, cases)
	for _, s := range p.sides {
		if err := errors.Join(s.fresh(setting{proto: 2, news: true}), s.tellMisses()); err != nil {
			t.Fatal(err)
		}
	}
	for chunk := range slices.Chunk(cases, lookupChunk) {
		want, got := p.lookups(t, chunk)
		for i := range want {
			if want[i] != got[i] {
				t.Errorf("%s:\n  redis: %s\n  here:  %s", chunk[i], want[i], got[i])
			}
		}
	}
}

// lookupsCover fails unless every command on keys that both servers know is among the cases.
func (p *pair) lookupsCover(t *testing.T, cases []lookupCase) {
	t.Helper()
	list, err := p.look([]string{"COMMAND", "LIST"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list[1][0].Elems {
		r, err := p.look([]string{"COMMAND", "INFO", name.Text})
		if err != nil {
			t.Fatal(err)
		}
		if !describes(r[0][0]) || r[0][0].Elems[0].Elems[3].Int == 0 && len(r[0][0].Elems[0].Elems[8].Elems) == 0 {
			continue
		}
		container, _, _ := strings.Cut(name.Text, "|")
		if strings.Contains(name.Text, "subscribe") || name.Text == "spublish" { // channels
			continue
		}
		if !slices.ContainsFunc(cases, func(c lookupCase) bool { return strings.EqualFold(c.args[0], container) }) {
			t.Errorf("%s takes keys and is not in the table", name.Text)
		}
	}
}

// tellMisses adds keymiss to what the side tells.
func (s *side) tellMisses() error {
	s.control.Deadline(time.Now().Add(replyMax))
	_, err := s.control.Do("CONFIG", "SET", "notify-keyspace-events", newsClasses+"m")
	return err
}

// commands are the case's own between those that make its keys and those that ask what it left.
func (c lookupCase) commands() (list [][]string) {
	list = append(list, []string{"FLUSHALL"})
	for _, key := range lookupKeys {
		list = append(list, strings.Fields(key))
	}
	list = append(list, []string{"CONFIG", "RESETSTAT"}, []string{"PUBLISH", newsMark, "x"})
	if c.queued {
		list = append(list, []string{"MULTI"}, c.args, []string{"EXEC"})
	} else {
		list = append(list, c.args)
	}
	return append(list, []string{"INFO", "stats"}, []string{"UNWATCH"}, []string{"PUBLISH", newsMark, "x"})
}

// lookups runs cases and says what each left behind, on both sides.
func (p *pair) lookups(t *testing.T, cases []lookupCase) (want, got []string) {
	t.Helper()
	var all [][]string
	for _, c := range cases {
		all = append(all, c.commands()...)
	}
	replies, err := p.both(all...)
	if err != nil {
		t.Fatal(err)
	}
	var left [2][]string
	for i, s := range p.sides {
		end := 0
		for _, c := range cases {
			end += len(c.commands())
			reply, info := replies[i][end-4], replies[i][end-3].Text
			_, err := s.untilMark()
			events, err2 := s.untilMark()
			if err = errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			left[i] = append(left[i], fmt.Sprintf("reply %c, %d hits, %d misses, %s", reply.Kind,
				infoNumber(info, "keyspace_hits"), infoNumber(info, "keyspace_misses"), strings.Join(events, ", ")))
		}
	}
	return left[0], left[1]
}

// infoNumber is a field of INFO; -1 if there is none.
func infoNumber(info, name string) int64 {
	_, rest, _ := strings.Cut(info, "\r\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

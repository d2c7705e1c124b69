package sm

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// Random commands of all types, as lines of a small grammar. A word of one capital letter stands for
//
//	H L S Z  a key that mostly holds that type   K  any key       D  a database    P  what DUMP once made
//	F M      a field or member, one of a few     V  a value       C  a score       T  milliseconds from now
//	N        0..4                                I  -4..4         E  an end of a list
//
// and a star behind words in parentheses for those words several times, now and then hundreds of times.
var typedFamilies = map[string]string{
	"strings": "SET K V|SET K V PX T|APPEND K V|INCR K|GETDEL K|GETEX K PX T|SETRANGE K N V|SET K V KEEPTTL GET|MSET (K V)*|" +
		"SETBIT K N 1|PFADD K (M)*|PFMERGE K K K",
	"keys": "DEL K|DEL (K)*|UNLINK K|RENAME K K|RENAME K K|RENAMENX K K|COPY K K|COPY K K REPLACE|COPY K K DB D REPLACE|MOVE K D|" +
		"PEXPIRE K T|PEXPIRE K T NX|PEXPIRE K T|PERSIST K|RESTORE K 0 P|RESTORE K T P REPLACE|SORT K ALPHA STORE K|" +
		"SORT K BY nosort LIMIT N N STORE K|FLUSHDB|SWAPDB D D| EXPIRE K",
	"hashes": "HSET H (F V)*|HSET H F V|HDEL H F|HDEL H (F)*|HINCRBY H F N|HINCRBYFLOAT H F C|HSETNX H F V|HMSET H (F V)*|" +
		"HPEXPIRE H T FIELDS 1 F|HPEXPIRE H T FIELDS 2 F F|HPERSIST H FIELDS 1 F|HGETDEL H FIELDS 1 F|HGETEX H PX T FIELDS 1 F|" +
		"HSETEX H PX T FIELDS 1 F V",
	"lists": "RPUSH L (V)*|LPUSH L (V)*|RPUSH L V|LINSERT L BEFORE V V|LINSERT L AFTER V V|LSET L I V|LTRIM L I I|LREM L I V|" +
		"LPOP L|RPOP L N|LMOVE L L E E|RPUSHX L V|LMPOP 2 L L E COUNT N",
	"sets": "SADD S (M)*|SADD S M|SADD S (N)*|SREM S (M)*|SMOVE S S M|SPOP S|SPOP S N|SINTERSTORE S S S|SUNIONSTORE S S S|SDIFFSTORE S S S|" +
		"SUNIONSTORE S Z S",
	"zsets": "ZADD Z (C M)*|ZADD Z C M|ZADD Z GT CH C M|ZADD Z XX INCR C M|ZINCRBY Z C M|ZREM Z (M)*|ZPOPMIN Z|ZPOPMAX Z N|" +
		"ZRANGESTORE Z Z I I|ZRANGESTORE Z Z C C BYSCORE LIMIT N N|ZUNIONSTORE Z 2 Z Z WEIGHTS C C|ZINTERSTORE Z 2 Z S AGGREGATE MAX|" +
		"ZDIFFSTORE Z 2 Z Z|ZREMRANGEBYRANK Z I I|ZREMRANGEBYSCORE Z C C|ZMPOP 1 Z MIN COUNT N|GEOADD Z C C M",
}

// typedProbes are reads that tell all there is about a key of a type.
var typedProbes = map[string][]string{
	"":       {"TYPE", "EXISTS", "DUMP", "PEXPIRETIME", "OBJECT ENCODING"},
	"string": {"GET", "STRLEN"},
	"hash":   {"HGETALL", "HLEN", "HKEYS"},
	"list":   {"LRANGE 0 -1", "LLEN", "LINDEX -1", "LPOS 3", "SORT_RO ALPHA BY s* GET h*->m1 GET # GET k*"},
	"set":    {"SMEMBERS", "SCARD", "SISMEMBER m3", "SORT_RO ALPHA DESC"},
	"zset":   {"ZRANGE 0 -1 WITHSCORES", "ZREVRANGEBYSCORE +inf -inf LIMIT 1 3", "ZCARD", "ZRANK m3"},
}

const typedKeys = 3 // of each type, in each database

// grammar makes commands of the lines that the table knows.
type grammar struct {
	rng      *rand.Rand
	now      int64
	lines    [][]string // by family
	payloads []string
}

func newGrammar(t *testing.T, rng *rand.Rand) *grammar {
	g := &grammar{rng: rng, now: 1000}
	table := command.NewTable(command.Families()...)
	for _, family := range []string{"strings", "keys", "hashes", "lists", "sets", "zsets", "keys", "hashes", "lists", "sets", "zsets"} {
		var known []string
		for line := range strings.SplitSeq(typedFamilies[family], "|") {
			name, _, _ := strings.Cut(line[1:], " ")
			if table.Lookup([]byte(line[:1]+name)) != nil {
				known = append(known, line)
			}
		}
		g.lines = append(g.lines, known)
	}
	r := newReplica(t)
	made := []string{"SET a text", "SET b 17", "RPUSH l a b 3", "HSET h f v g 2", "SADD s m1 m2", "SADD i 1 2 3", "ZADD z 1 m1 2.5 m2"}
	for _, e := range batches(requestsOf(made), one) {
		r.apply([]Entry{e})
	}
	for _, key := range strings.Fields("a b l h s i z") {
		payload := r.ask(0, 0, "DUMP", key)
		_, payload, _ = strings.Cut(payload, "\r\n")
		g.payloads = append(g.payloads, strings.TrimSuffix(payload, "\r\n"))
	}
	return g
}

func requestsOf(lines []string) (log []request) {
	for _, line := range lines {
		log = append(log, request{now: 1000, ops: []op{{args: strings.Fields(line)}}})
	}
	return log
}

// log is n requests, some of them MULTI blocks.
func (g *grammar) log(n int) (log []request) {
	for range n {
		if g.rng.IntN(4) == 0 {
			g.now += g.rng.Int64N(400)
		}
		r := request{now: g.now, ops: []op{g.op()}}
		if r.multi = g.rng.IntN(5) == 0 && r.ops[0].args[0][0] != ' '; r.multi {
			for range g.rng.IntN(5) {
				if o := g.op(); o.args[0][0] != ' ' {
					r.ops = append(r.ops, o)
				}
			}
		}
		log = append(log, r)
	}
	return log
}

func (g *grammar) op() op {
	family := g.lines[g.rng.IntN(len(g.lines))]
	line := family[g.rng.IntN(len(family))]
	if line == "FLUSHDB" && g.rng.IntN(3) > 0 {
		line = "DEL K"
	}
	o := op{db: uint32(g.rng.IntN(worldDatabases))}
	before, rest, _ := strings.Cut(strings.TrimPrefix(line, " "), "(")
	o.args = g.words(nil, before)
	if many, after, starred := strings.Cut(rest, ")*"); starred {
		n := 1 + g.rng.IntN(6)
		if g.rng.IntN(25) == 0 {
			n = 100 + g.rng.IntN(600)
		}
		for range n {
			o.args = g.words(o.args, many)
		}
		o.args = g.words(o.args, after)
	}
	if line[0] == ' ' {
		o.args[0] = " " + o.args[0]
	}
	return o
}

func (g *grammar) words(args []string, text string) []string {
	for _, w := range strings.Fields(text) {
		if len(w) == 1 && w >= "A" && w <= "Z" {
			w = g.word(w[0])
		}
		args = append(args, w)
	}
	return args
}

func (g *grammar) word(letter byte) string {
	n := g.rng.IntN
	switch letter {
	case 'K', 'H', 'L', 'S', 'Z':
		if letter == 'K' || n(30) == 0 {
			letter = "HLSZK"[n(5)]
		}
		return fmt.Sprintf("%c%d", letter|0x20, n(typedKeys))
	case 'F', 'M':
		if n(20) == 0 {
			return strings.Repeat("name", 1+n(40)) + strconv.Itoa(n(900))
		}
		return "m" + strconv.Itoa(n([...]int{8, 8, 8, 1000}[n(4)]))
	case 'V':
		if n(8) == 0 {
			return strings.Repeat(strconv.Itoa(n(10)), n(700))
		}
		return strconv.Itoa(n(9))
	case 'C':
		return [...]string{"0", "1", "-1", "2.5", "1e3", "17", "inf"}[n(7)]
	case 'T':
		return strconv.Itoa(1 + n(3000))
	case 'N':
		return strconv.Itoa(n(5))
	case 'I':
		return strconv.Itoa(n(9) - 4)
	case 'E':
		return [...]string{"LEFT", "RIGHT"}[n(2)]
	case 'D':
		return strconv.Itoa(n(worldDatabases))
	case 'P':
		return g.payloads[n(len(g.payloads))]
	}
	panic("no such word: " + string(letter))
}

// ask runs a read on the state at a revision, on the present if that is 0. Deadlines that no tombstone tells of do not
// count.
func (r *replicaRig) ask(rev uint64, db uint32, args ...string) string {
	r.t.Helper()
	r.m.RLock()
	defer r.m.RUnlock()
	view := r.m.Space().View(db, 0, 0, true)
	if rev > 0 {
		var err error
		if view, err = r.m.At(db, rev); err != nil {
			r.t.Fatal(err)
		}
	}
	view.Pauses = r.asked%2 == 0
	r.asked++
	defer view.Release()
	var call command.ReadCall
	call.Reset(op{args: args}.bytes(), &view, resp.RESP3)
	spec, err := r.m.lookup(call.From(0))
	if err != nil {
		r.t.Fatal(err)
	}
	v := r.m.RunRead(&call, spec)
	var reply []byte
	view.Apart(func() { reply = v.Append(nil, resp.RESP3) })
	return string(reply)
}

// probe is all answers about all keys at a revision, one on each line.
func (r *replicaRig) probe(rev uint64) string {
	var out strings.Builder
	for db := range uint32(worldDatabases) {
		for i := range 5 * typedKeys {
			key := fmt.Sprintf("%c%d", "hlszk"[i/typedKeys], i%typedKeys)
			kind := strings.TrimSpace(r.ask(rev, db, "TYPE", key)[1:])
			for _, line := range append(typedProbes[""], typedProbes[kind]...) {
				words := strings.Fields(line)
				if words[0] == "OBJECT" {
					words = append(words, key)
				} else {
					words = append([]string{words[0], key}, words[1:]...)
				}
				fmt.Fprintf(&out, "%d %s = %.2000q\n", db, strings.Join(words, " "), r.ask(rev, db, words...))
			}
		}
	}
	return out.String()
}

// differs is the first line in which two probes are not the same.
func differs(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%.500s\nwant %.500s", a[i], b[i])
		}
	}
	return ""
}

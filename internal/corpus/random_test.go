package corpus

import (
	"errors"
	"flag"
	"math/rand/v2"
	"strconv"
	"testing"
)

var (
	randomCommands = flag.Int("random-commands", 30_000, "how many random commands are compared with Redis")
	randomSeed     = flag.Uint64("random-seed", 1, "of the random commands")
)

// TestRandomAgainstRedis sends the same random commands on strings and bitmaps here and there. It finds what nobody
// thought to write down in a script.
func TestRandomAgainstRedis(t *testing.T) {
	server, err := StartRedis()
	if errors.Is(err, ErrNoRedis) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	redis, err := server.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	local, err := NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()

	g := &generator{rand.New(rand.NewPCG(*randomSeed, 0))}
	for i := range *randomCommands {
		args := g.command()
		want, err := redis.Do(args)
		if err != nil {
			t.Fatal(err)
		}
		got, err := local.Do(args)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("-random-seed %d, command %d: %q\ngot\n%s\nwant\n%s", *randomSeed, i, args, got, want)
		}
	}
}

// generator makes commands that often mean something.
type generator struct{ *rand.Rand }

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g *generator) key() string { return g.one("a", "b", "c", "d") }

func (g *generator) small() string { return strconv.Itoa(g.IntN(60) - 25) }

func (g *generator) offset() string { return g.one("", "", "", "#") + strconv.Itoa(g.IntN(120)) }

// integer is often near the end of some range.
func (g *generator) integer() string {
	switch g.IntN(6) {
	case 0:
		return g.one("9223372036854775807", "-9223372036854775808", "9223372036854775808", "-0", "x", "")
	case 1:
		n := int64(1) << g.IntN(64)
		return strconv.FormatInt(n-int64(g.IntN(3))+1, 10)
	case 2:
		n := int64(1) << g.IntN(64)
		return strconv.FormatInt(-n-int64(g.IntN(3))+1, 10)
	case 3:
		return strconv.FormatInt(int64(g.Uint64()), 10)
	}
	return g.small()
}

func (g *generator) float() string {
	switch g.IntN(5) {
	case 0:
		return g.integer()
	case 1:
		return strconv.FormatFloat(g.NormFloat64(), 'f', g.IntN(22), 64)
	case 2:
		return strconv.FormatFloat(g.NormFloat64()*1e10, 'e', g.IntN(22), 64)
	case 3:
		return g.one("0.1", "0.5", "-.25", "1e3", "1E-3", "+7.", "1e-18", "5e-18", "inf", "0x1.8p1", "1e400", ".e1")
	}
	return strconv.Itoa(g.IntN(1000)) + "." + strconv.Itoa(g.IntN(1_000_000_000))
}

func (g *generator) value() string {
	switch g.IntN(5) {
	case 0:
		return g.integer()
	case 1:
		return g.float()
	}
	letters := g.one("ab", "abc", "\x00\xff", "\xff", "\x00", "01", "abcdefghijklmnopqrstuvwxyz")
	b := make([]byte, g.IntN(40))
	for i := range b {
		b[i] = letters[g.IntN(len(letters))]
	}
	return string(b)
}

// command leaves out OBJECT ENCODING: a SETBIT that changes nothing makes a string "raw" in Redis, and here it is no
// write at all.
func (g *generator) command() []string {
	k := g.key()
	switch g.IntN(24) {
	case 0, 1, 2:
		return []string{"SET", k, g.value()}
	case 3:
		return append([]string{"SET", k, g.value()}, g.some(
			[]string{"NX"}, []string{"XX"}, []string{"GET"}, []string{"KEEPTTL"}, []string{"EXAT", "33177117421"}, []string{"PX"},
			[]string{"PXAT", "33177117420001"}, []string{"PXAT", "1"}, []string{"PXAT", g.integer()})...)
	case 4:
		return append([]string{"GETEX", k}, g.some([]string{"PERSIST"}, []string{"EXAT", "33177117421"}, []string{"EXAT", "1"},
			[]string{"EXAT", "33177117420"}, []string{"KEEPTTL"})...)
	case 5:
		return []string{g.one("GET", "STRLEN", "GETDEL", "PEXPIRETIME", "EXISTS", "INCR", "DECR", "BITCOUNT"), k}
	case 6, 7:
		return []string{g.one("INCRBY", "DECRBY"), k, g.integer()}
	case 8, 9:
		return []string{"INCRBYFLOAT", k, g.float()}
	case 10:
		return []string{g.one("APPEND", "GETSET", "SETNX"), k, g.value()}
	case 11:
		return []string{"SETRANGE", k, g.small(), g.value()}
	case 12:
		return []string{"GETRANGE", k, g.small(), g.small()}
	case 13:
		return []string{g.one("MSET", "MSETNX"), k, g.value(), g.key(), g.value()}
	case 14:
		return append([]string{"LCS", k, g.key()}, g.some([]string{"IDX"}, []string{"LEN"}, []string{"WITHMATCHLEN"},
			[]string{"MINMATCHLEN", g.small()})...)
	case 15:
		return []string{"SETBIT", k, strconv.Itoa(g.IntN(200)), g.one("0", "1")}
	case 16:
		return []string{"GETBIT", k, strconv.Itoa(g.IntN(200))}
	case 17:
		return append([]string{"BITCOUNT", k, g.small(), g.small()}, g.some([]string{g.one("BIT", "BYTE", "NIT")})...)
	case 18:
		return append([]string{"BITPOS", k, g.one("0", "1")}, g.bounds()...)
	case 19:
		return []string{"BITOP", g.one("AND", "OR", "XOR", "NOT"), k, g.key(), g.key(), g.key()}[:4+2*g.IntN(2)]
	}
	return append([]string{g.one("BITFIELD", "BITFIELD", "BITFIELD", "BITFIELD_RO"), k}, g.fields()...)
}

// some are zero to two of the given groups of words.
func (g *generator) some(groups ...[]string) []string {
	var out []string
	for range g.IntN(3) {
		out = append(out, groups[g.IntN(len(groups))]...)
	}
	return out
}

func (g *generator) bounds() []string {
	return []string{g.small(), g.small(), g.one("BIT", "BYTE")}[:g.IntN(4)]
}

func (g *generator) fields() []string {
	var out []string
	for range g.IntN(4) + 1 {
		kind := g.one("u", "i") + strconv.Itoa(g.IntN(66))
		switch g.IntN(5) {
		case 0:
			out = append(out, "GET", kind, g.offset())
		case 1:
			out = append(out, "OVERFLOW", g.one("WRAP", "SAT", "FAIL"))
		case 2:
			out = append(out, "SET", kind, g.offset(), g.integer())
		default:
			out = append(out, "INCRBY", kind, g.offset(), g.integer())
		}
	}
	return out
}

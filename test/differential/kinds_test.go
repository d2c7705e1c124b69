package differential

import (
	"math"
	"strconv"
	"strings"
)

// Key names. Every type has a few of its own, and all of them meet on the shared ones.
var (
	ownKeys = map[string][]string{
		"string": {"s1", "s2", "s3", "w_1", "w_2", "w_a"},
		"bits":   {"b1", "b2"},
		"hash":   {"h1", "h2", "h3"},
		"list":   {"l1", "l2", "l3"},
		"set":    {"t1", "t2", "t3"},
		"zset":   {"z1", "z2", "z3"},
		"lexset": {"x1", "x2", "x3"}, // one score for all members, so that an order by name is defined; nothing else gets there
		"geo":    {"g1", "g2"},
		"hll":    {"p1", "p2", "p3"},
		"cached": {"c1", "c2"}, // of which PFCOUNT keeps its result there; nothing but commands of this family gets to see it
	}
	sharedKeys = []string{"k1", "k2", "", "bin\x00\xff\r\n", "a*[b]?{c}"}
	// strangers are what a command of one type meets by mistake. Those with a rule of their own are not among them.
	strangers = []string{"s1", "s2", "b1", "h1", "h2", "l1", "l2", "t1", "t2", "z1", "z2", "g1"}
	anyKeys   = append(append([]string{"s3", "b2", "h3", "l3", "t3", "z3", "g2", "p1", "p2"}, strangers...), sharedKeys...)
)

// typed is mostly a key of the type.
func typed(of string) func(*generator) []string {
	own := ownKeys[of]
	return func(g *generator) []string {
		switch n := g.IntN(100); {
		case n < 80 || of == "lexset" || of == "cached":
			return []string{g.one(own...)}
		case n < 92 && of != "hll":
			return []string{g.one(sharedKeys...)}
		case n < 97:
			return []string{g.one(strangers...)}
		}
		return []string{"none"}
	}
}

// single turns a function for one argument into a kind.
func single(f func(*generator) string) func(*generator) []string {
	return func(g *generator) []string { return []string{f(g)} }
}

// from is one of a few words; those named twice come twice as often.
func from(words ...string) func(*generator) []string {
	return func(g *generator) []string { return []string{g.one(words...)} }
}

// between is a number of that range, and now and then something at the edge of one.
func between(lo, hi int, edges ...string) func(*generator) []string {
	return func(g *generator) []string {
		if len(edges) > 0 && g.oneIn(12) {
			return []string{g.one(edges...)}
		}
		return []string{strconv.Itoa(lo + g.IntN(hi-lo+1))}
	}
}

// kinds are the words of the grammar.
var kinds = map[string]func(*generator) []string{
	"key":    from(anyKeys...),
	"string": typed("string"), "bits": typed("bits"), "hash": typed("hash"), "list": typed("list"), "set": typed("set"),
	"zset": typed("zset"), "lexset": typed("lexset"), "geo": typed("geo"), "hll": typed("hll"), "cached": typed("cached"),
	"zsource": func(g *generator) []string { // what the commands on several sorted sets take
		if g.oneIn(5) {
			return typed("set")(g)
		}
		return typed("zset")(g)
	},
	"sortable": func(g *generator) []string { return typed(g.one("list", "set", "zset"))(g) },

	"name":      from("me", "you", "", "a b", "\xff"),
	"nobody":    from("nobody"),
	"stranger":  from("0", "-1", "999999999", "9223372036854775807", "x"), // an id that no client has
	"channel":   from("ch1", "ch2", "ch3", "other", "\x00"),               // none without a name: rowChannel
	"channels":  from("ch*", "ch[12]", "?h?", "ch1", "", "o?her"),
	"directive": from("hash-max-listpack-entries", "hash-max-ziplist-*", "set-max-*", "zset-max-listpack-value", "list-*", "hll-sparse-max-bytes", "none", "", "slowlog-max-len"),
	"threshold": threshold,
	"another":   func(g *generator) []string { return g.another() },

	"value": single(value), "member": single(member), "field": single(field),
	"int": single(integer), "float": single(float), "score": single(score),
	"index": between(-12, 12, "100", "-100", "9223372036854775807", "-9223372036854775808", "x", ""),
	"count": between(0, 6, "-1", "-3", "100", "9223372036854775807", "-9223372036854775808", "x", ""),
	// signed counts decide between distinct and repeated; nobody asks for a billion of the latter.
	"signed": between(-6, 6, "30", "-30", "9223372036854775807", "-9223372036854775808", "x"),
	"db":     from("0", "0", "0", "1", "1", "2", "0", "1", "-1", "16", "x"),
	"odd": from("", "x", "-1", "0", "00", "+1", " 1", "1 ", "-0", "1.5", "1e3", "0x10", "nan", "inf", "-inf", "(1", "[a", "+", "-", "*", "\x00",
		"4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"NX", "XX", "GET", "GT", "LT", "COUNT", "LIMIT", "WITHSCORES", "MATCH", "STORE", "BY", "#", strings.Repeat("9", 40)),

	// Times are past or days away, so that nothing expires while it is looked at, and no two of them meet by chance.
	"moment":  between(1, 20), // for those that are waited for
	"seconds": between(200_000, 100_000_000, "0", "-1", "9223372036854775", "9223372036854775807", "-9223372036854775808", "x", "1.5"),
	"millis":  between(200_000_000, 100_000_000_000, "0", "-1", "9223372036854775807", "-9223372036854775808", "x", "1.5"),
	"unix":    between(33_177_117_400, 33_177_117_430, "0", "1", "-1", "9223372036854775", "9223372036854775807", "x"),
	"unixms":  between(33_177_117_420_000, 33_177_117_420_030, "0", "1", "-1", "9223372036854775807", "-9223372036854775808", "x"),
	"timeout": func(g *generator) []string {
		if g.forever {
			return []string{g.one("0", "0", "0", "0.0", "300", "1e4", "-1", "x")}
		}
		if g.inMulti {
			return []string{g.one("0", "1", "0.5", "1e3", "-1", "x", "inf", "nan", "")}
		}
		return []string{g.one("0.001", "0.001", "0.001", "-1", "x", "-0.5")}
	},

	"bit":       from("0", "1", "0", "1", "0", "1", "0", "1", "2", "x"),
	"offset":    between(0, 60, "-1", "536870912", "4294967296", "x"),
	"bitoffset": between(0, 200, "-1", "4294967296", "x"),
	"bitfield":  bitfields,
	"bitread": func(g *generator) []string {
		return []string{"GET", g.one("u", "i") + strconv.Itoa(g.IntN(66)), hashed(g)}
	},

	"min": single(scoreLimit), "max": single(scoreLimit), "minlex": single(lexLimit), "maxlex": single(lexLimit),
	"weights": func(g *generator) []string {
		n := g.counted
		if g.oneIn(30) {
			n += g.IntN(3) - 1
		}
		out := []string{}
		for range n {
			out = append(out, g.one("1", "2", "-1", "0", "0.5", "3", "1", "inf", "1e300", "nan", "x"))
		}
		return out
	},

	"pattern": from("*", "*", "?", "??", "*1", "h*", "[a-c]", "[^a]*", "k?", "", "a*", "\\*", "[", "*[0-9]", "f[12]", "s1", "*\x00*", "a\\*\\[b]?{c}"),
	"cursor":  from("0", "0", "0", "0", "0", "0", "0", "0", "0", "x", "-1", "", "18446744073709551616"),
	"scans":   between(1, 20, "0", "-1", "x", "1000"),
	"type":    from("string", "list", "set", "zset", "hash", "stream", "nope", "STRING"),

	"lon":    single(func(g *generator) string { return coordinate(g, 179, "180", "-180", "180.1", "x", "nan") }),
	"lat":    single(func(g *generator) string { return coordinate(g, 84, "85.05112878", "-85.05112878", "85.06", "x", "") }),
	"radius": from("1", "100", "500", "1000", "5000", "20000", "0", "0.5", "-1", "x", "1e4"),
	"unit":   from("km", "km", "km", "m", "mi", "ft", "KM", "yd"),

	"by":      from("w_*", "h*->f1", "nosort", "nosort", "w_*->f1", "s*", "none_*", "*", "h1->*"),
	"get":     from("#", "w_*", "h*->f1", "h*->f2", "s*", "none_*", "*", "w_*->"),
	"payload": single(payload),
}

// threshold is a directive that decides how collections are kept, or something else that can be compared, and a value for it.
func threshold(g *generator) []string {
	entries := []string{"0", "1", "4", "8", "16", "16", "64", "512", "-1", "x", "", "1k"}
	switch g.IntN(10) {
	case 0:
		return []string{"set-max-intset-entries", g.one(entries...)}
	case 1:
		return []string{g.one("hash", "zset") + "-max-" + g.one("listpack", "ziplist") + "-value", g.one(entries...)}
	case 2:
		return []string{g.one("list-max-listpack-size", "list-max-ziplist-size"), g.one("-1", "-2", "-5", "1", "8", "128", "-6", "x")}
	case 3:
		return []string{"list-compress-depth", g.one("0", "1", "3", "-1", "x")}
	case 4:
		return []string{"hll-sparse-max-bytes", g.one("0", "100", "3000", "16000", "-1", "x")}
	case 5:
		return []string{"maxmemory-policy", g.one("noeviction", "allkeys-lru", "volatile-lru", "volatile-ttl", "x")} // between LRU and LFU, Redis takes the one for the other
	case 6:
		return []string{g.one("slowlog-max-len", "none", ""), g.one("128", "-1", "x")}
	}
	return []string{g.one("hash", "zset") + "-max-" + g.one("listpack", "listpack", "ziplist") + "-entries", g.one(entries...)}
}

func value(g *generator) string {
	switch g.IntN(6) {
	case 0:
		return integer(g)
	case 1:
		return float(g)
	case 2:
		return strconv.Itoa(g.IntN(30))
	}
	letters := g.one("ab", "abc", "\x00\xff", "\xff", "\x00", "01", "abcdefghijklmnopqrstuvwxyz")
	b := make([]byte, g.IntN(g.one24(12, 80)))
	for i := range b {
		b[i] = letters[g.IntN(len(letters))]
	}
	return string(b)
}

// one24 is the second number once in twenty-four.
func (g *generator) one24(usual, rare int) int {
	if g.oneIn(24) {
		return rare
	}
	return usual
}

func member(g *generator) string {
	switch n := g.IntN(100); {
	case n < 45:
		return string(rune('a' + g.IntN(8)))
	case n < 85:
		return strconv.Itoa(g.IntN(24) - 4)
	case n < 88:
		return g.one("1.5", "-0", "007", "+1", " 1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "32768", "2147483648")
	case n < 91:
		return g.one("", "\x00", "\xff\xfe", "A", "a b", "aa", "ab", "\r\n")
	case n < 93:
		return strings.Repeat(g.one("y", "z"), 40+g.IntN(40)) // around the longest entry of a listpack
	}
	return "m" + strconv.Itoa(g.IntN(60))
}

func field(g *generator) string {
	if g.oneIn(4) {
		return member(g)
	}
	return "f" + strconv.Itoa(1+g.IntN(9))
}

// integer is often near the end of some range.
func integer(g *generator) string {
	switch g.IntN(12) {
	case 0:
		return g.one("9223372036854775807", "-9223372036854775808", "9223372036854775808", "-0", "x", "", "1.0", "+5")
	case 1:
		return strconv.FormatInt(int64(1)<<g.IntN(64)-int64(g.IntN(3))+1, 10)
	case 2:
		return strconv.FormatInt(-(int64(1)<<g.IntN(64))-int64(g.IntN(3))+1, 10)
	case 3:
		return strconv.FormatInt(int64(g.Uint64()), 10)
	}
	return strconv.Itoa(g.IntN(60) - 25)
}

func float(g *generator) string {
	switch g.IntN(6) {
	case 0:
		return integer(g)
	case 1:
		return strconv.FormatFloat(g.NormFloat64(), 'f', g.IntN(22), 64)
	case 2:
		return strconv.FormatFloat(g.NormFloat64()*1e10, 'e', g.IntN(22), 64)
	case 3:
		return g.one("0.1", "0.5", "-.25", "1e3", "1E-3", "+7.", "1e-18", "5e-18", "inf", "-inf", "nan", "0x1.8p1", "1e400", ".e1", "3.0e2", "-0")
	}
	return strconv.Itoa(g.IntN(100)) + "." + strconv.Itoa(g.IntN(1000))
}

// score is mostly one of few, so that ranks tie. None is denormal: reading one leaves ERANGE behind in Redis, which the next SORT takes for its own.
func score(g *generator) string {
	switch n := g.IntN(100); {
	case n < 60:
		return strconv.Itoa(g.IntN(21) - 10)
	case n < 75:
		return strconv.FormatFloat(float64(g.IntN(81)-40)/4, 'f', -1, 64)
	case n < 80:
		return strconv.FormatFloat(math.Ldexp(g.Float64()-0.5, g.IntN(120)-60), 'g', 17, 64)
	case n < 84:
		return g.one("inf", "-inf", "+inf", "Infinity", "-Infinity", "1e308", "-1.7976931348623157e308", "2.2250738585072014e-308")
	case n < 86:
		return g.one("nan", "x", "", "1x", " 1", "(1", "0x1p2", "1e", "--1")
	}
	return g.one("0", "-0", "0.1", "0.2", "0.3", "1e20", "1e21", "123456789012", "3.14159", "1e-5", "12345678901234567890", "17179869184.5")
}

func scoreLimit(g *generator) string {
	switch g.IntN(10) {
	case 0:
		return g.one("-inf", "+inf", "inf", "(-inf", "(+inf", "(inf")
	case 1:
		return g.one("-inf", "+inf")
	case 2, 3:
		return "(" + score(g)
	}
	return score(g)
}

func lexLimit(g *generator) string {
	switch g.IntN(8) {
	case 0, 1:
		return g.one("-", "+")
	case 2:
		return g.one("", "x", "(", "[", "-x", "+x", "(\x00", "[\xff")
	}
	return g.one("[", "(") + member(g)
}

func coordinate(g *generator, to int, edges ...string) string {
	if g.oneIn(25) {
		return g.one(edges...)
	}
	return strconv.FormatFloat((g.Float64()*2-1)*float64(to), 'f', 6+g.IntN(8), 64)
}

func hashed(g *generator) string {
	return g.one("", "", "", "#") + g.one(strconv.Itoa(g.IntN(120)), strconv.Itoa(g.IntN(120)), "4294967296", "-1", "x")
}

func bitfields(g *generator) []string {
	kind := g.one("u", "i") + strconv.Itoa(g.IntN(66))
	switch g.IntN(5) {
	case 0:
		return []string{"GET", kind, hashed(g)}
	case 1:
		return []string{"OVERFLOW", g.one("WRAP", "SAT", "FAIL", "wrap", "NOPE")}
	case 2:
		return []string{"SET", kind, hashed(g), integer(g)}
	}
	return []string{"INCRBY", kind, hashed(g), integer(g)}
}

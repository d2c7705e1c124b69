package conf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	addressesMax  = 16   // as many as Redis listens on
	oomScoreBound = 2000 // of oom-score-adj-values, as in Redis
	portMax       = 65535
)

// value is a checked value. Text is canonical: what CONFIG GET shows, and equal for equal values.
type value struct {
	text string
	num  int64 // of Bool (0, 1), numbers, Duration (milliseconds), MemoryShare (negative: a percentage), KeyEvents (a bit per letter)
}

// The texts are Redis'.
var (
	errWordCount = errors.New("wrong number of arguments")

	errSave          = errors.New("Invalid save parameters")
	errLimitCount    = errors.New("Wrong number of arguments in buffer limit configuration.")
	errLimitClass    = errors.New("Invalid client class specified in buffer limit configuration.")
	errLimitNumbers  = errors.New("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
	errOOMScore      = errors.New("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
	errKeyEvents     = errors.New("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
	errAddressCount  = errors.New("Too many bind addresses specified.")
	errPort          = errors.New("Invalid master port")
	errPercentile    = errors.New("Invalid latency-tracking-info-percentiles parameters")
	errPercentBounds = errors.New("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
)

// parse checks words against d. Kinds whose lines add up or leave parts alone start from old.
func (d *Directive) parse(words []string, old value) (value, error) {
	if !d.Kind.words() && len(words) != 1 {
		return value{}, errWordCount
	}
	switch d.Kind {
	case Bool:
		return parseBool(words[0])
	case Integer, Octal, Memory, MemoryShare, Duration:
		return d.parseNumber(words[0])
	case String, Path:
		return d.checked(value{text: words[0]})
	case Enum:
		return d.parseEnum(words[0])
	case Flags:
		return d.parseFlags(words)
	case SavePoints:
		return parseSavePoints(words, old)
	case OutputLimits:
		return parseOutputLimits(words, old)
	case OOMScores:
		return parseOOMScores(words)
	case KeyEvents:
		return parseKeyEvents(words[0])
	case Addresses:
		return parseAddresses(words)
	case HostPort:
		return parseHostPort(words)
	case Percentiles:
		return parsePercentiles(words)
	}
	panic(fmt.Sprintf("conf: directive %s has kind %d", d.Name, d.Kind))
}

func (d *Directive) checked(v value) (value, error) {
	if d.valid == nil {
		return v, nil
	}
	return v, d.valid(v.text)
}

func parseBool(s string) (value, error) {
	switch lowerASCII(s) {
	case "yes":
		return value{text: "yes", num: 1}, nil
	case "no":
		return value{text: "no"}, nil
	}
	return value{}, errNotBool
}

func (d *Directive) parseNumber(s string) (value, error) {
	n, err := d.readNumber(s)
	if err != nil {
		return value{}, err
	}
	if err := d.inBounds(n); err != nil {
		return value{}, err
	}
	if d.clampMax != 0 {
		n = min(max(n, d.clampMin), d.clampMax)
	}
	return value{text: d.formatNumber(n), num: n}, nil
}

func (d *Directive) readNumber(s string) (int64, error) {
	switch d.Kind {
	case Memory, MemoryShare:
		if n, ok := parseMemory(s); ok {
			return int64(n), nil
		}
		if d.Kind == Memory {
			return 0, errNotMemory
		}
		if percent, found := strings.CutSuffix(s, "%"); found {
			if n, ok := parseInteger(percent); ok && n >= 0 {
				return -n, nil
			}
		}
		return 0, errNotMemoryOrShare
	case Octal:
		if n, ok := parseC(s, 8); ok {
			return n, nil
		}
		return 0, errNotOctal
	case Duration:
		if n, ok := parseDuration(s); ok {
			return n, nil
		}
		return 0, errNotDuration
	}
	if n, ok := parseInteger(s); ok {
		return n, nil
	}
	return 0, errNotInteger
}

func (d *Directive) inBounds(n int64) error {
	switch {
	case d.Min == 0 && d.Max == 0:
		return nil
	case d.Kind == MemoryShare && n < 0:
		if n < d.Min {
			return fmt.Errorf("percentage argument must be less or equal to %d", -d.Min)
		}
	case n < d.Min || n > d.Max:
		if d.Kind == Octal {
			return fmt.Errorf("argument must be between %o and %o inclusive", d.Min, d.Max)
		}
		return fmt.Errorf("argument must be between %d and %d inclusive", d.Min, d.Max)
	}
	return nil
}

func (d *Directive) formatNumber(n int64) string {
	switch {
	case d.Kind == MemoryShare && n < 0:
		return strconv.FormatInt(-n, 10) + "%"
	case d.Kind == Memory:
		return strconv.FormatUint(uint64(n), 10)
	case d.Kind == Octal:
		return strconv.FormatInt(n, 8)
	}
	return strconv.FormatInt(n, 10)
}

func (d *Directive) parseEnum(s string) (value, error) {
	for _, name := range d.Values {
		if lowerASCII(s) == name {
			if d.Name == "oom-score-adj" && name == "relative" {
				name = "yes" // Redis has two names for one value and shows the first
			}
			return d.checked(value{text: name})
		}
	}
	return value{}, d.notOneOf()
}

// parseFlags takes the first of Values as "none of the others".
func (d *Directive) parseFlags(words []string) (value, error) {
	if len(words) == 0 {
		return value{}, d.notOneOf()
	}
	given := make([]bool, len(d.Values))
	for _, word := range words {
		i := slices.Index(d.Values, lowerASCII(word))
		if i < 0 {
			return value{}, d.notOneOf()
		}
		given[i] = true
	}
	var names []string
	for i, name := range d.Values[1:] {
		if given[i+1] {
			names = append(names, name)
		}
	}
	if names == nil {
		names = d.Values[:1]
	}
	return d.checked(value{text: strings.Join(names, " ")})
}

func (d *Directive) notOneOf() error {
	return errors.New("argument(s) must be one of the following: " + strings.Join(d.Values, ", "))
}

func parseSavePoints(words []string, old value) (value, error) {
	if len(words) == 1 && words[0] == "" {
		return value{}, nil
	}
	if len(words)%2 != 0 {
		return value{}, errSave
	}
	points := strings.Fields(old.text)
	for i, word := range words {
		n, ok := parseC(word, 10)
		if !ok || n < int64(1-i%2) { // seconds start at 1, changes at 0
			return value{}, errSave
		}
		points = append(points, strconv.FormatInt(n, 10))
	}
	return value{text: strings.Join(points, " ")}, nil
}

// OutputLimit bounds the replies that wait for one class of clients. Zero is no limit.
type OutputLimit struct {
	Hard        int64 // bytes: a client beyond them is disconnected at once
	Soft        int64 // bytes: a client beyond them for SoftSeconds is disconnected
	SoftSeconds int64
}

// limitClasses are the classes of client-output-buffer-limit in the order they are shown. The replica class has no meaning here.
func limitClasses() []string { return []string{"normal", "slave", "pubsub"} }

func parseOutputLimits(words []string, old value) (value, error) {
	if len(words)%4 != 0 {
		return value{}, errLimitCount
	}
	limits := splitOutputLimits(old.text)
	for ; len(words) > 0; words = words[4:] {
		class := lowerASCII(words[0])
		if class == "replica" {
			class = "slave"
		}
		if !slices.Contains(limitClasses(), class) {
			return value{}, errLimitClass
		}
		hard, okHard := parseMemory(words[1])
		soft, okSoft := parseMemory(words[2])
		seconds, okSeconds := parseC(words[3], 10)
		if !okHard || !okSoft || !okSeconds || seconds < 0 {
			return value{}, errLimitNumbers
		}
		limits[class] = []string{strconv.FormatUint(hard, 10), strconv.FormatUint(soft, 10), strconv.FormatInt(seconds, 10)}
	}
	var shown []string
	for _, class := range limitClasses() {
		shown = append(append(shown, class), limits[class]...)
	}
	return value{text: strings.Join(shown, " ")}, nil
}

// splitOutputLimits takes a canonical text apart: the three numbers of each class.
func splitOutputLimits(text string) map[string][]string {
	limits := make(map[string][]string)
	words := strings.Fields(text)
	for _, class := range limitClasses() {
		limits[class] = []string{"0", "0", "0"}
		if i := slices.Index(words, class); i >= 0 {
			limits[class] = words[i+1 : i+4]
		}
	}
	return limits
}

func parseOOMScores(words []string) (value, error) {
	if len(words) != 3 {
		return value{}, errWordCount
	}
	shown := make([]string, len(words))
	for i, word := range words {
		n, ok := parseC(word, 10)
		if !ok || n < -oomScoreBound || n > oomScoreBound {
			return value{}, errOOMScore
		}
		shown[i] = strconv.FormatInt(n, 10)
	}
	return value{text: strings.Join(shown, " ")}, nil
}

// The classes of keyspace notifications, in the order they are shown. A stands for those of eventsAll.
const (
	eventsAll   = "g$lshzxetd"
	eventsOrder = eventsAll + "nKEm"
)

// parseKeyEvents shows the classes as Redis does, which drops n beside A: num keeps it.
func parseKeyEvents(s string) (value, error) {
	var bits int64
	for i := 0; i < len(s); i++ {
		if s[i] == 'A' {
			bits |= 1<<len(eventsAll) - 1
			continue
		}
		letter := strings.IndexByte(eventsOrder, s[i])
		if letter < 0 {
			return value{}, errKeyEvents
		}
		bits |= 1 << letter
	}
	text := eventLetters(bits)
	if all, found := strings.CutPrefix(text, eventsAll); found {
		text = "A" + strings.TrimPrefix(all, "n")
	}
	return value{text: text, num: bits}, nil
}

func eventLetters(bits int64) string {
	var letters []byte
	for i := 0; i < len(eventsOrder); i++ {
		if bits&(1<<i) != 0 {
			letters = append(letters, eventsOrder[i])
		}
	}
	return string(letters)
}

func parseAddresses(words []string) (value, error) {
	if len(words) > addressesMax {
		return value{}, errAddressCount
	}
	return value{text: strings.Join(words, " ")}, nil
}

func parseHostPort(words []string) (value, error) {
	if len(words) != 2 {
		return value{}, errWordCount
	}
	if lowerASCII(words[0]) == "no" && lowerASCII(words[1]) == "one" {
		return value{}, nil
	}
	port, ok := parseC(words[1], 10)
	if !ok || port < 0 || port > portMax {
		return value{}, errPort
	}
	return value{text: words[0] + " " + strconv.FormatInt(port, 10)}, nil
}

func parsePercentiles(words []string) (value, error) {
	if len(words) == 1 && words[0] == "" {
		return value{}, nil
	}
	shown := make([]string, len(words))
	for i, word := range words {
		p, err := strconv.ParseFloat(word, 64)
		if err != nil || p != p {
			return value{}, errPercentile
		}
		if p < 0 || p > 100 {
			return value{}, errPercentBounds
		}
		text := strconv.FormatFloat(p, 'f', 6, 64)
		shown[i] = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return value{text: strings.Join(shown, " ")}, nil
}

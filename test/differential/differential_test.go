package differential

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	epochCommands = 2000
	shortCommands = 8000 // of each seed of the short form
	slowReport    = 30 * time.Second
	noSuchCommand = "NOSUCHCOMMAND"
)

// shortSeeds are those of the short form. A seed that found something is added here, so that it stays found.
var shortSeeds = []uint64{1, 2, 3}

var (
	seed     = flag.Uint64("seed", 0, "of the random commands; 0 is a few of them, or one from the clock if -commands is given")
	commands = flag.Int("commands", 0, "how many; 0 is a short run")
	epoch    = flag.Int64("epoch", -1, "only this one, as a failure printed it")
	only     = flag.String("families", "", "the families to take, with commas between; empty is all")
	skip     = flag.String("skip", "", "commands to leave out, with commas between, as BLPOP,OBJECT REFCOUNT")
	pipeline = flag.Int("pipeline", 100, "commands in flight")
	server   = flag.String("server", "redoubt", "redoubt (built here), redis, or a command line with {port} and {dir}")
)

// TestDifferential is the promise that a client cannot tell this server from Redis, save where docs/compatibility.md says so.
func TestDifferential(t *testing.T) {
	needRedis(t)
	p := newPair(t, *server, *pipeline)
	d := p.deck(t)
	if len(d.cards) == 0 {
		t.Fatal("no command of these families is known here")
	}
	seeds, n := shortSeeds, shortCommands
	if *commands > 0 || *seed != 0 {
		seeds, n = []uint64{*seed}, max(*commands, epochCommands)
		if *seed == 0 {
			seeds[0] = rand.Uint64()
		}
	}
	for _, s := range seeds {
		p.epochs(t, d, s, n)
	}
}

func needRedis(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("there is no redis-server to compare with: ", err)
	}
}

// deck is the commands of the families asked for that both servers know. What is left out is said.
func (p *pair) deck(t *testing.T) deck {
	t.Helper()
	wanted := strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	var of []family
	for _, f := range families() {
		if len(wanted) == 0 || slices.Contains(wanted, f.name) {
			of = append(of, f)
			wanted = slices.DeleteFunc(wanted, func(w string) bool { return w == f.name })
		}
		if len(wanted) == 0 && *only != "" {
			break
		}
	}
	if len(wanted) > 0 {
		t.Fatalf("there is no family called %q", wanted)
	}
	p.known = nil
	for _, x := range differences {
		if x.family == "" || slices.ContainsFunc(of, func(f family) bool { return f.name == x.family }) {
			p.known = append(p.known, x)
		}
	}
	answers, unwanted := map[string]bool{}, strings.Split(strings.ToUpper(*skip), ",")
	var missing []string
	known := func(name string) bool {
		if name == noSuchCommand {
			return true
		}
		is, asked := answers[name]
		if !asked {
			r, err := p.look([]string{"COMMAND", "INFO", strings.ToLower(strings.ReplaceAll(name, " ", "|"))})
			if err != nil {
				t.Fatal(err)
			}
			is = describes(r[1][0]) && !slices.Contains(unwanted, name)
			if answers[name] = is; !is {
				missing = append(missing, name)
			}
		}
		return is
	}
	d := newDeck(of, known)
	if len(missing) > 0 {
		t.Logf("NOTICE: left out, since the server does not know them or -skip says so: %s", strings.Join(missing, ", "))
	}
	return d
}

// describes says that COMMAND INFO knew the command.
func describes(r wire.Reply) bool {
	return len(r.Elems) == 1 && !r.Elems[0].Nil && len(r.Elems[0].Elems) > 0
}

// epochs runs a seed.
func (p *pair) epochs(t *testing.T, d deck, seed uint64, n int) {
	began, told := time.Now(), time.Now()
	for e := range uint64((n + epochCommands - 1) / epochCommands) {
		if *epoch >= 0 {
			e = uint64(*epoch)
		}
		script := d.script(seed, e, min(n, epochCommands))
		how := setting{proto: 2 + int(e%2), news: e%3 == 2}
		f, err := p.replay(how, script)
		if err != nil {
			t.Fatalf("seed %d, epoch %d: %v\n%s", seed, e, err, p.sides[0].srv.Tail())
		}
		if f != nil {
			t.Logf("seed %d, epoch %d, before it is made small: step %d, %s: %s\n  redis: %s\n  here:  %s", seed, e, f.at, line(f.call.args), f.what, f.want, f.got)
			small, f := p.shrink(how, script, f)
			t.Fatal(report(seed, e, how, len(script), small, f))
		}
		if *epoch >= 0 {
			break
		}
		if time.Since(told) > slowReport {
			told = time.Now()
			t.Logf("seed %d: %d commands in %s", seed, (e+1)*epochCommands, time.Since(began).Round(time.Second))
		}
	}
	t.Logf("seed %d: %d commands in %s, no difference", seed, n, time.Since(began).Round(10*time.Millisecond))
}

func report(seed, epoch uint64, how setting, steps int, small []step, f *finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, epoch %d: a difference, made of %d steps; for redis-cli:\n\n%s\n", seed, epoch, steps, paste(how, small))
	if f.call.args != nil {
		fmt.Fprintf(&b, "%s: ", line(f.call.args))
	}
	fmt.Fprintf(&b, "%s\n  redis: %s\n  here:  %s\n\nagain: go test ./test/differential -v -args -seed %d -epoch %d", f.what, f.want, f.got, seed, epoch)
	if *only != "" {
		fmt.Fprintf(&b, " -families %s", *only)
	}
	if *skip != "" {
		fmt.Fprintf(&b, " -skip %q", *skip)
	}
	return b.String()
}

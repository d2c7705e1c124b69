// Tcl runs units of Redis' own test suite, in its external mode, against this server, and compares what fails with the list kept in
// expect/: a case that fails and is not listed there ends the run with exit code 1, and so does a unit of which fewer cases ran than it has.
//
//	make compat
//	go run ./test/tcl -units "unit/type/string unit/multi"
//	go run ./test/tcl -server redis                # the same on redis-server: the suite itself is judged
//	go run ./test/tcl -units unit/scan -print      # what fails, in the format of expect/
//	go run ./test/tcl -units unit/type/list -only "BLPOP: timeout"
//
// The suite is not part of this project: suite.sh gets it from the distribution's redis source package.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redoubt-db/redoubt/test/process"
)

const (
	startMax = 3 * time.Minute // beside other work; an idle machine takes less than a second

	// The suite's own port, which its parts talk over, is that far from the server's. A suite that starts tries the ports from there
	// by connecting to them, which another that listens there takes for one of its clients.
	suitePort = 3000
)

// flagsForSuite let the suite use DEBUG and the protected directives, in both servers.
var flagsForSuite = []string{"--enable-debug-command", "yes", "--enable-protected-configs", "yes"}

type options struct {
	units   []string
	server  string
	suite   string
	expect  string
	unitMax time.Duration
	caseMax time.Duration
	only    []string
	print   bool
	keep    bool
}

func main() {
	var o options
	var units, only string
	flag.StringVar(&units, "units", "", "space separated; empty is every unit that has a file in expect/")
	flag.StringVar(&o.server, "server", "redoubt", "redoubt (built here), redis, or a command line with {port} and {dir}")
	flag.StringVar(&o.suite, "suite", "", "the folder of a Redis source tree; empty asks suite.sh")
	flag.StringVar(&o.expect, "expect", "test/tcl/expect", "the folder of the lists")
	flag.DurationVar(&o.unitMax, "unit-max", 10*time.Minute, "a unit that takes longer is ended")
	flag.DurationVar(&o.caseMax, "case-max", 120*time.Second, "a unit of which no case has finished for so long hangs")
	flag.StringVar(&only, "only", "", "names of cases, one a line: no others run, and their number is not judged")
	flag.BoolVar(&o.print, "print", false, "print the failures in the format of expect/, and do not judge")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder with the logs")
	flag.Parse()
	o.units = strings.Fields(units)
	o.only = strings.FieldsFunc(only, func(r rune) bool { return r == '\n' })
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "tcl:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	work, err := os.MkdirTemp("", "redoubt-tcl-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("logs in", work)
	} else {
		defer os.RemoveAll(work)
	}
	if o.suite == "" {
		out, err := exec.Command("bash", "test/tcl/suite.sh").Output()
		if o.suite = strings.TrimSpace(string(out)); err != nil || o.suite == "" {
			return fmt.Errorf("suite.sh (run from the root of the checkout): %w", err)
		}
	}
	if len(o.units) == 0 {
		if o.units, err = listed(o.expect); err != nil {
			return err
		}
	}
	command, err := process.Resolve(o.server, work)
	if err != nil {
		return err
	}
	tree := filepath.Join(work, "suite")
	if err := prepare(o.suite, tree); err != nil {
		return err
	}
	bad, total := 0, 0
	for _, unit := range o.units {
		want, err := loadExpectation(o.expect, unit)
		if err != nil && !o.print {
			return fmt.Errorf("%s: %w", unit, err)
		}
		out, err := runUnit(o, command, work, tree, unit, want)
		if err != nil {
			return fmt.Errorf("%s: %w", unit, err)
		}
		total += len(out.ok)
		bad += report(o, unit, out, want)
	}
	fmt.Printf("%d cases passed in %d units\n", total, len(o.units))
	if bad > 0 {
		return fmt.Errorf("%d findings that expect/ does not list", bad)
	}
	return nil
}

// listed returns the units that expect/ has files for.
func listed(expect string) ([]string, error) {
	var units []string
	err := filepath.WalkDir(expect, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".txt") {
			rel, _ := filepath.Rel(expect, path)
			units = append(units, strings.TrimSuffix(filepath.ToSlash(rel), ".txt"))
		}
		return err
	})
	return units, err
}

// prepare copies what the suite reads and writes, so that a run leaves nothing behind, and gives it the installed client programs.
func prepare(suite, tree string) error {
	if err := os.CopyFS(filepath.Join(tree, "tests"), os.DirFS(filepath.Join(suite, "tests"))); err != nil {
		return err
	}
	// Between blocks the suite empties the server of everything, functions included. There are none to empty yet; all else must succeed.
	helper := filepath.Join(tree, "tests/support/server.tcl")
	text, err := os.ReadFile(helper)
	if err != nil {
		return err
	}
	text = bytes.Replace(text, []byte("\n    r function flush\n"), []byte("\n    catch {r function flush}\n"), 1)
	if err := os.WriteFile(helper, text, 0o644); err != nil {
		return err
	}
	for _, dir := range []string{"src", "tests/tmp"} {
		if err := os.MkdirAll(filepath.Join(tree, dir), 0o755); err != nil {
			return err
		}
	}
	script, err := os.ReadFile(filepath.Join(suite, "runtest"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tree, "runtest"), script, 0o755); err != nil {
		return err
	}
	for _, dir := range []string{"utils", "src/commands"} {
		if err := os.Symlink(filepath.Join(suite, dir), filepath.Join(tree, dir)); err != nil {
			return err
		}
	}
	for _, tool := range []string{"redis-cli", "redis-benchmark", "redis-server"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			return err
		}
		if err := os.Symlink(path, filepath.Join(tree, "src", tool)); err != nil {
			return err
		}
	}
	return nil
}

// runUnit starts a fresh server, runs the unit and parses what it printed.
func runUnit(o options, command, work, tree, unit string, want expectation) (outcome, error) {
	name := strings.ReplaceAll(unit, "/", "_")
	dir := filepath.Join(work, "data-"+name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return outcome{}, err
	}
	defer os.RemoveAll(dir)
	port, err := process.FreePort()
	if err != nil {
		return outcome{}, err
	}
	srv, err := process.Start(command, port, dir, startMax, flagsForSuite...)
	if err != nil {
		return outcome{}, err
	}
	defer srv.Kill()
	path := filepath.Join(work, name+".log")
	log, err := os.Create(path)
	if err != nil {
		return outcome{}, err
	}
	defer log.Close()
	ctx, cancel := context.WithTimeout(context.Background(), o.unitMax)
	defer cancel()
	// Its errors go elsewhere, since the output comes in blocks that end in the middle of a line.
	complaints, err := os.Create(filepath.Join(work, name+".err"))
	if err != nil {
		return outcome{}, err
	}
	defer complaints.Close()
	args := []string{"--host", "127.0.0.1", "--port", strconv.Itoa(port), "--baseport", strconv.Itoa(port + suitePort), "--durable", "--clients", "1",
		"--timeout", strconv.Itoa(int(o.caseMax.Seconds())), "--single", unit}
	for _, name := range o.only {
		args = append(args, "--only", name)
	}
	for _, name := range want.skipped {
		args = append(args, "--skiptest", name)
	}
	cmd := exec.CommandContext(ctx, "./runtest", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = tree, log, complaints
	cmd.Env = append(os.Environ(), "TERM=dumb")
	// The suite's own client is a child of runtest: the whole group goes when time is up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	began := time.Now()
	runErr := cmd.Run()
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	var failed *exec.ExitError
	if runErr != nil && !errors.As(runErr, &failed) {
		return outcome{}, runErr
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return outcome{}, err
	}
	out := parse(string(text))
	unitText, err := os.ReadFile(filepath.Join(tree, "tests", filepath.FromSlash(unit)+".tcl"))
	if err != nil {
		return outcome{}, err
	}
	out.named = casesNamed(string(unitText))
	if text, err = os.ReadFile(complaints.Name()); err != nil {
		return outcome{}, err
	}
	for l := range strings.Lines(string(text)) {
		out.strange = append(out.strange, strings.TrimRight(l, "\n"))
	}
	out.seconds = time.Since(began).Seconds()
	select {
	case <-srv.Done():
		out.broken = append(out.broken, "the server ended:\n"+srv.Tail())
	default:
	}
	return out, nil
}

// report prints a unit's line and what is wrong with it, and returns the number of findings.
func report(o options, unit string, out outcome, want expectation) int {
	if o.print {
		fmt.Printf("# %s: %d ok, %d err\ncases %d\n", unit, len(out.ok), len(out.failed), len(out.ok)+len(out.failed))
		for _, f := range out.failed {
			fmt.Printf("%s\t%s\n", f.name, strings.ReplaceAll(f.message, "\n", " | "))
		}
		for _, b := range out.broken {
			fmt.Printf("# broken: %s\n", b)
		}
		return 0
	}
	if len(o.only) > 0 {
		want.cases = len(o.only)
	}
	findings := want.judge(out)
	mark := "ok  "
	if len(findings) > 0 {
		mark = "FAIL"
	}
	fmt.Printf("%s %-24s %4d ok, %d failed, %d expected to, %.1f s\n", mark, unit, len(out.ok), len(out.failed), len(want.failing), out.seconds)
	for _, f := range findings {
		fmt.Println("     " + strings.ReplaceAll(f, "\n", "\n     "))
	}
	return len(findings)
}

// names returns the names of failures, sorted, for messages.
func names(f []failure) []string {
	var out []string
	for _, x := range f {
		out = append(out, x.name)
	}
	slices.Sort(out)
	return out
}

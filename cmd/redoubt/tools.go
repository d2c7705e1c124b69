package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/redoubt-db/redoubt/backup"
)

// tool is a subcommand that is not the server.
type tool struct {
	name string
	run  func(args []string) error
}

func tools() []tool {
	return []tool{{"backup", runBackup}, {"restore", runRestore}, {"recover", runRecover}}
}

// runTool runs the tool that args name, and tells whether they name one.
func runTool(args []string) (bool, error) {
	for _, t := range tools() {
		if len(args) > 0 && args[0] == t.name {
			err := t.run(args[1:])
			if errors.Is(err, flag.ErrHelp) {
				err = nil
			}
			return true, err
		}
	}
	return false, nil
}

// toolFlags are a tool's; usage is what goes before them.
func toolFlags(name, usage string) *flag.FlagSet {
	flags := flag.NewFlagSet("redoubt "+name, flag.ContinueOnError)
	flags.SetOutput(os.Stdout)
	flags.Usage = func() {
		fmt.Printf("Usage: redoubt %s\n\n", usage)
		flags.PrintDefaults()
	}
	return flags
}

func parse(flags *flag.FlagSet, args []string) error {
	failed := flags.Output()
	flags.SetOutput(io.Discard) // the error is said once, by main
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(failed)
		flags.Usage()
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; see %s --help", flags.Arg(0), flags.Name())
	}
	return err
}

// workshop is what tools on directories get.
func workshop() backup.Tool {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return backup.Tool{Log: logger, Fatal: func(reason string) {
		fmt.Fprintln(os.Stderr, reason)
		os.Exit(1)
	}}
}

func runBackup(args []string) error {
	flags := toolFlags("backup", "backup (--from HOST:PORT | --dir DIR) [--revision N] [--out FILE]")
	var from backup.Remote
	flags.StringVar(&from.Address, "from", "", "client `address` of a running node")
	dir := flags.String("dir", "", "data `directory` of a node that is not running")
	revision := flags.Uint64("revision", 0, "the `revision` to be backed up; 0 is the newest")
	out := flags.String("out", "", "`file` to be written, which must not be there yet; none is standard output")
	flags.StringVar(&from.User, "user", "", "`name` of an ACL user")
	flags.StringVar(&from.Password, "pass", os.Getenv("REDISCLI_AUTH"), "`password`; REDISCLI_AUTH in the environment is safer")
	secure := flags.Bool("tls", false, "use TLS")
	ca := flags.String("cacert", "", "`file` of the certificates to trust")
	cert := flags.String("cert", "", "`file` of the client's certificate")
	key := flags.String("key", "", "`file` of its key")
	if err := parse(flags, args); err != nil {
		return err
	}
	var h backup.Header
	var err error
	switch {
	case (from.Address == "") == (*dir == ""):
		return errors.New("give either --from or --dir; see redoubt backup --help")
	case *dir != "":
		h, err = workshop().TakeDir(*dir, *revision, *out, os.Stdout)
	default:
		if *secure {
			if from.TLS, err = tlsConfig(*ca, *cert, *key); err != nil {
				return err
			}
		}
		h, err = backup.Take(from, *revision, *out, os.Stdout)
	}
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	fmt.Fprintf(os.Stderr, "Backed up revision %d of cluster %016x, content %016x\n", h.Revision, h.Cluster, h.Content)
	return nil
}

func tlsConfig(ca, cert, key string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func runRestore(args []string) error {
	flags := toolFlags("restore", "restore --from FILE --dir NEW")
	file := flags.String("from", "", "`file` that redoubt backup wrote")
	dir := flags.String("dir", "", "data `directory` to be made; it must be empty or not there")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *file == "" || *dir == "" {
		return errors.New("give --from and --dir; see redoubt restore --help")
	}
	h, err := workshop().Restore(*file, *dir)
	if err != nil {
		return err
	}
	fmt.Printf("Restored revision %d of cluster %016x, content %016x, as a new cluster of one in %s\n", h.Revision, h.Cluster, h.Content, *dir)
	return nil
}

func runRecover(args []string) error {
	flags := toolFlags("recover", "recover --dir DIR [--skip-entry N]")
	dir := flags.String("dir", "", "data `directory` of a node that is not running")
	skip := flags.Uint64("skip-entry", 0, "leave out the entry of this `index`: the last resort when a node stops at it")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("give --dir; see redoubt recover --help")
	}
	r, err := workshop().Recover(*dir, *skip)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	fmt.Printf("Recovered up to revision %d as a new cluster of one in %s\n", r.Revision, *dir)
	if r.Behind > 0 {
		fmt.Printf("The last %d entries of the log were kept, though only the lost members knew whether they were committed\n", r.Behind)
	}
	if r.Skipped {
		fmt.Printf("Entry %d was left out\n", *skip)
	}
	return nil
}

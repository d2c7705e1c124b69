package corpus

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "put the replies got in process into the corpus")

// root is the corpus, as seen from this package.
const root = "../../test/corpus"

func scripts(t *testing.T) []string {
	var paths []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".txt") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d scripts in %s: %v", len(paths), root, err)
	}
	return paths
}

func run(t *testing.T, path string, e Executor) {
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := f.Run(e, *rewrite)
	if err != nil {
		t.Fatal(err)
	}
	if _, foreign := e.(Foreign); *rewrite && !foreign && len(bad) > 0 {
		if err := os.WriteFile(path, f.Format(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, m := range bad {
		t.Error(m)
	}
}

func TestInProcess(t *testing.T) {
	for _, path := range scripts(t) {
		t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) {
			local, err := NewLocal()
			if err != nil {
				t.Fatal(err)
			}
			defer local.Close()
			run(t, path, local)
		})
	}
}

// TestRealRedis judges the corpus: what is expected of us is what Redis does.
func TestRealRedis(t *testing.T) {
	server, err := StartRedis()
	if errors.Is(err, ErrNoRedis) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, path := range scripts(t) {
		t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) {
			c, err := server.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			run(t, path, c)
		})
	}
}

package robust

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const rotKeys = 200

// rotting is a directory whose rows are nearly all long values, which a start does not read, and one of them is not as it was written.
func rotting(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	srv := start(t, dir)
	c := dial(t, srv.Addr)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range rotKeys {
		value := make([]byte, 4000)
		for i := range value {
			value[i] = byte(rng.Uint32())
		}
		c.want("OK", "SET", fmt.Sprint("k", i), string(value))
	}
	if err := srv.Stop(stopMax); err != nil {
		t.Fatal(err)
	}
	largest, size := "", int64(0)
	eachFile(t, dir, "data", ".sst", func(path string) {
		if info, err := os.Stat(path); err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
	})
	flip(t, largest, int(size/2))
	return dir
}

// TestRotEndsANode: who asks for a value that is not as it was written gets no answer rather than a wrong one, the node says what it found, and whoever starts
// it again is told so at once, and not when somebody asks again.
func TestRotEndsANode(t *testing.T) {
	dir := rotting(t)
	srv := start(t, dir)
	c := dial(t, srv.Addr)
	var err error
	for i := 0; i < rotKeys && err == nil; i++ {
		_, err = c.Do("GET", fmt.Sprint("k", i))
	}
	if err == nil {
		t.Fatal("all values were read")
	}
	<-srv.Done()
	for _, want := range []string{"Redoubt cannot go on: bytes of ", "are not those that were written", "checksum mismatch", "RAFT REMOVE"} {
		if said := lastLine(srv.Tail()); !strings.Contains(said, want) {
			t.Errorf("the last words are %q, want %q", said, want)
		}
	}
	for range 2 {
		if said := lastLine(refused(t, dir)); !strings.Contains(said, "was found damaged: bytes of ") || !strings.Contains(said, "remove "+filepath.Join(dir, "DAMAGED")) {
			t.Errorf("the next start says %q", said)
		}
	}
	remove(t, filepath.Join(dir, "DAMAGED"))
	dial(t, start(t, dir).Addr).want("(integer) 200", "DBSIZE")
}

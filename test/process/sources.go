package process

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// noteSources walks through all folders that the server may be built of. The go command keeps the result of a test as long as nothing has changed
// that the test is made of or has looked at, and that the server in another process is, it cannot know: without this
// it would tell, from memory, that a server that was never run passes.
//
// To import the server for that purpose would say the same, but link it into every test and tool that starts one.
func noteSources() {
	root, err := os.Getwd()
	for ; err == nil; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			return // not in the module: no test
		}
	}
	aside := []string{".git", "bench", "docs", "test"}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && filepath.Dir(path) == root && slices.Contains(aside, entry.Name()) {
			return fs.SkipDir
		}
		return nil
	})
}

package replica

import (
	"errors"
	"strings"
	"testing"
)

func FuzzIdentity(f *testing.F) {
	for _, id := range []identity{newIdentity(0), newIdentity(5), {node: 1<<53 - 1, cluster: 1, state: joined}} {
		f.Add(id.text())
	}
	f.Add([]byte("redoubt-node 2\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		id, err := parseIdentity(text)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Errorf("parseIdentity(%q) = %v, want damaged or newer", text, err)
			}
			return
		}
		again, err := parseIdentity(id.text())
		if err != nil || again != id {
			t.Errorf("%+v is read back as %+v, %v", id, again, err)
		}
	})
}

func FuzzTarget(f *testing.F) {
	f.Add(uint64(258), "00000000-0000-0000-0000-000000000102")
	f.Add(uint64(1<<64-1), "00000000-0000-0000-ffff-ffffffffffff")
	f.Fuzz(func(t *testing.T, node uint64, target string) {
		if got, err := nodeOf(targetOf(node)); err != nil || got != node {
			t.Errorf("nodeOf(%q) = %d, %v, want %d", targetOf(node), got, err, node)
		}
		if got, err := nodeOf(target); err == nil && !strings.EqualFold(targetOf(got), target) {
			t.Errorf("nodeOf(%q) = %d, whose target is %q", target, got, targetOf(got))
		}
	})
}

package server

import (
	"testing"
	"time"
)

func TestFasterDisk(t *testing.T) {
	const ms, far = time.Millisecond, 3 * slowDiskBehind
	for _, c := range []struct {
		name   string
		own    time.Duration
		others []diskOf
		want   uint64
	}{
		{"all fast", ms, []diskOf{{2, ms, far}, {3, ms, far}}, 0},
		{"slow, but not very", 90 * ms, []diskOf{{2, ms, far}}, 0},
		{"slow", 100 * ms, []diskOf{{2, 20 * ms, far}, {3, 10 * ms, far}}, 3},
		{"all slow", 300 * ms, []diskOf{{2, 200 * ms, far}, {3, 100 * ms, far}}, 0},
		{"nothing known of the others", 300 * ms, []diskOf{{2, 0, far}}, 0},
		{"nobody else", 300 * ms, nil, 0},
		{"the fastest is far behind", 300 * ms, []diskOf{{2, ms, far / 2}, {3, 50 * ms, far}}, 3},
	} {
		if got := fasterDisk(diskOf{1, c.own, far}, c.others); got != c.want {
			t.Errorf("%s: node %d, want %d", c.name, got, c.want)
		}
	}
}

package sm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestAlarms(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	var told []Alarm
	r.m.o.Alarms = func(list []Alarm) { told = list }
	for _, step := range []struct{ request, reply, want string }{
		{" ALARM NOSPACE 7 1", ":1", "NOSPACE 7"},
		{" ALARM NOSPACE 7 1", ":0", "NOSPACE 7"},
		{" ALARM CORRUPT 9 1", ":1", "CORRUPT 9, NOSPACE 7"},
		{" ALARM NOSPACE 3 1", ":1", "CORRUPT 9, NOSPACE 3, NOSPACE 7"},
		{" ALARM NOSPACE 7 0", ":1", "CORRUPT 9, NOSPACE 3"},
		{" ALARM NOSPACE 7 0", ":0", "CORRUPT 9, NOSPACE 3"},
		{" ALARM NOSPACE x 1", "-ERR invalid node id", "CORRUPT 9, NOSPACE 3"},
		{" ALARM " + strings.Repeat("n", alarmNameMax+1) + " 1 1", "-ERR the alarm cannot be kept", "CORRUPT 9, NOSPACE 3"},
	} {
		if got := strings.TrimSuffix(r.do(step.request), "|"); got != step.reply {
			t.Errorf("%s = %s, want %s", step.request, got, step.reply)
		}
		var list []string
		for _, a := range r.m.Alarms() {
			list = append(list, fmt.Sprintf("%s %d", a.Name, a.Node))
		}
		if got := strings.Join(list, ", "); got != step.want {
			t.Errorf("after %s: %s, want %s", step.request, got, step.want)
		}
	}
	want := r.m.Alarms()
	if !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	if got := r.m.Alarms(); !slices.Equal(got, want) {
		t.Errorf("after a restart %v, want %v", got, want)
	}
}

func TestDecodeAlarms(t *testing.T) {
	for _, row := range []string{"", "\x02", "\x01\x02\x07\x01x", "\x01\x00y"} {
		if _, err := decodeAlarms([]byte(row)); err == nil {
			t.Errorf("%q was taken for a row of alarms", row)
		}
	}
}

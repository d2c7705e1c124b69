package sm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestMembersTravel sets, moves and forgets members; the rows survive a restart and a snapshot, and each change
// is told of.
func TestMembersTravel(t *testing.T) {
	r := newRig(t, vfs.NewMem())
	told := 0
	r.m.o.Members = func([]Member) { told++ }
	r.expect(r.do(" MEMBER 9 10.0.0.1:17001 10.0.0.1:7001 "), "-ERR wrong number of arguments for ' member' command|")
	r.expect(r.do(" MEMBER 9 10.0.0.1:17001 10.0.0.1:7001 a"), "+OK|")
	r.expect(r.do(" MEMBER 7 10.0.0.2:17001 10.0.0.2:7001 b"), "+OK|")
	r.expect(r.do(" MEMBER 9 10.0.0.3:17001 10.0.0.3:7001 a"), "+OK|")
	r.expect(r.do(" MEMBER 5 x y z"), "+OK|")
	r.expect(r.do(" MEMBER 5"), "+OK|")
	r.expect(r.do(" MEMBER 6"), "+OK|")
	r.expect(r.do(" MEMBER x 1 2 3"), "-ERR invalid node id|")
	r.expect(r.do(" MEMBER 5 x y "+strings.Repeat("z", memberTextMax+1)), "-ERR an address or name of a member is too long|")
	want := "[{7 10.0.0.2:17001 10.0.0.2:7001 b} {9 10.0.0.3:17001 10.0.0.3:7001 a}]"
	if got := fmt.Sprint(r.m.Members()); got != want || told != 6 {
		t.Errorf("members = %s, told %d times; want %s, 6", got, told, want)
	}
	if err := r.m.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	if got := fmt.Sprint(r.m.Members()); got != want {
		t.Errorf("members after opening again = %s, want %s", got, want)
	}
}

func TestDecodeMembers(t *testing.T) {
	row := appendMembers(nil, []Member{{7, "a", "b", ""}, {1 << 52, "c", "d", "e"}})
	if list, err := decodeMembers(row); err != nil || fmt.Sprint(list) != "[{7 a b } {4503599627370496 c d e}]" {
		t.Errorf("decodeMembers = %v, %v", list, err)
	}
	for i := range row {
		if list, err := decodeMembers(row[:i]); err == nil {
			t.Errorf("the first %d bytes are read as %v", i, list)
		}
	}
	if _, err := decodeMembers([]byte{2, 0}); err == nil {
		t.Error("a newer format is read")
	}
}

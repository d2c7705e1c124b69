package malloc

import "testing"

// TestTrim holds that it may be called at any time; how much there is to give back is up to the allocator.
func TestTrim(t *testing.T) {
	GiveBack()
	before := InUse()
	Trim()
	after := InUse()
	if after.Used < 0 || after.Free < 0 || after.Used > before.Used+1<<20 {
		t.Errorf("%+v, trimmed %+v", before, after)
	}
}

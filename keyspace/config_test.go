package keyspace

import (
	"bytes"
	"testing"
)

func TestConfigRowRoundTrip(t *testing.T) {
	pairs := [][2]string{{"databases", "16"}, {"notify-keyspace-events", ""}, {"x", "a b\x00c"}}
	row := appendConfig(nil, pairs)
	config, err := decodeConfig(row)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		if got, ok := config[p[0]]; !ok || got != p[1] {
			t.Errorf("%s = %q, %v, want %q", p[0], got, ok, p[1])
		}
	}
	for i := range row[1:] {
		if _, err := decodeConfig(row[:i+1]); err == nil {
			t.Errorf("row cut to %d of %d bytes is taken", i+1, len(row))
		}
	}
}

func FuzzConfigRow(f *testing.F) {
	f.Add(appendConfig(nil, [][2]string{{"a", "b"}}))
	f.Fuzz(func(t *testing.T, row []byte) {
		config, err := decodeConfig(row)
		if err != nil || len(row) == 0 {
			return
		}
		s := &Space{config: config}
		again, err := decodeConfig(appendConfig(nil, s.Config()))
		if err != nil || !bytes.Equal(appendConfig(nil, (&Space{config: again}).Config()), appendConfig(nil, s.Config())) {
			t.Errorf("%q does not survive a round trip: %v", row, err)
		}
	})
}

package robust

import (
	"testing"
	"time"

	"github.com/redoubt-db/redoubt/test/wire"
)

const (
	behindRounds = 150
	behindMax    = 5 * time.Second // for a reply that takes a millisecond; log time moves every ten seconds when nothing else does
)

// TestWhatComesBehindTheOnlyWrite: a client that writes and reads on, in a packet of its own and while the write is on its way, is answered
// though nobody else writes.
func TestWhatComesBehindTheOnlyWrite(t *testing.T) {
	srv := start(t, "")
	conn := raw(t, srv.Addr)
	replies := wire.New(conn)
	for round := range behindRounds {
		behind := []string{bulk("GET", "k"), bulk("ECHO", "1"), bulk("NOSUCH"), bulk("MULTI") + bulk("GET", "k") + bulk("EXEC")}[round%4]
		conn.SetDeadline(time.Now().Add(behindMax))
		for _, packet := range []string{bulk("SET", "k", "1"), behind} {
			send(conn, packet)
		}
		want := 2
		if round%4 == 3 {
			want = 4
		}
		for range want {
			if _, err := replies.Read(); err != nil {
				t.Fatalf("round %d, %q behind a SET: %v", round, behind, err)
			}
		}
	}
}

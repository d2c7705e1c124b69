package sm

import (
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// speaker is a rig whose requests speak and whose node may listen.
type speaker struct {
	*rig
	listening bool
	heard     []string // messages, and batches at their places between them
}

func newSpeaker(t *testing.T, listening bool) *speaker {
	s := &speaker{rig: newRig(t, vfs.NewMem()), listening: listening}
	s.m.Close()
	s.o.Table = command.NewTable(testCommands(), command.Publishing(), []command.Spec{
		{Name: "SPEAKFAIL", Arity: command.Exactly(1), Write: func(c *command.WriteCall) (resp.Value, error) {
			c.Tx.Publish([]byte("never"), nil, false)
			return resp.None, command.Error("ERR as asked")
		}},
		{Name: "SPEAKBREAK", Arity: command.Exactly(1), Write: func(c *command.WriteCall) (resp.Value, error) {
			c.Tx.Publish([]byte("never"), nil, false)
			panic("as asked")
		}},
	})
	s.o.Listening = func() bool { return s.listening }
	s.o.Audience = func(channel []byte, sharded bool) int64 { return int64(len(channel)) }
	s.o.Said = func(list []keyspace.Message, _ int) {
		for _, m := range list {
			s.heard = append(s.heard, string(m.Channel)+"="+string(m.Payload))
		}
	}
	applied := s.o.Applied
	s.o.Applied = func(node, incarnation, number uint64) {
		s.heard = append(s.heard, "applied")
		applied(node, incarnation, number)
	}
	s.open()
	return s
}

// script is what every speaker goes through.
func (s *speaker) script() (out string) {
	b := &batch{}
	b.command("PUBLISH one 1").command("PUT a 1").command("SPEAKFAIL").command("SPUBLISH two 2").command("SPEAKBREAK")
	out = strings.Join(s.run(b), " ")
	s.heard = append(s.heard, "next")
	out += " " + s.multi(nil, "PUBLISH three 3", "SPEAKFAIL", "COUNT a", "PUBLISH four 4")
	return out + " " + s.multi([]Guard{{Key: []byte("a"), Exact: true}}, "PUBLISH never x")
}

// TestSaid: what requests say comes in order, before its batch is reported, without what was rolled back, and the state
// does not depend on who listens.
func TestSaid(t *testing.T) {
	loud, quiet := newSpeaker(t, true), newSpeaker(t, false)
	const replies = ":3| +OK| -ERR as asked| :3| -ERR internal| *4|:5|-ERR as asked|:2|:4| *-1|"
	loud.expect(loud.script(), replies)
	quiet.expect(quiet.script(), replies)
	if want := []string{"one=1", "two=2", "applied", "next", "three=3", "four=4", "applied", "applied"}; !slices.Equal(loud.heard, want) {
		t.Errorf("heard %q, want %q", loud.heard, want)
	}
	if want := []string{"applied", "next", "applied", "applied"}; !slices.Equal(quiet.heard, want) {
		t.Errorf("without a listener: heard %q, want %q", quiet.heard, want)
	}
	if a, b := loud.revision(), quiet.revision(); a != b || a != 2 {
		t.Errorf("revisions %d and %d, want 2: messages take none", a, b)
	}
}

package replica

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// TestMessagesAreSentDirectly fails if a newer dragonboat's node sends by something else.
func TestMessagesAreSentDirectly(t *testing.T) {
	r := mustOpen(t, testOptions(t, newCounting()))
	proposeAll(t, r, numbers(1))
	send, ok := sendFunc(r.user)
	if !ok {
		t.Fatal("dragonboat's node has no function to send messages by")
	}
	if name := runtime.FuncForPC(reflect.ValueOf(*send).Pointer()).Name(); !strings.Contains(name, "sendDirectly") {
		t.Errorf("messages are sent by %s", name)
	}
}

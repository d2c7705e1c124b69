package raftwire

import "testing"

func TestValidAddress(t *testing.T) {
	for _, good := range []string{"127.0.0.1:7", "[::1]:17001", "[fe80::1%eth0]:1", "db.example:65535", "db.example.:1", "my_node-1:17001"} {
		if !ValidAddress(good) {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []string{"", ":1", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:17001", "10.0.0.1 10.0.0.2:1", "db..example:1", "a!b:1", "host:port"} {
		if ValidAddress(bad) {
			t.Errorf("%s is taken", bad)
		}
	}
}

package command

import (
	"strings"
	"testing"
)

func TestLease(t *testing.T) {
	script(t, `
		LEASE GRANT 100 ID 7 = 7
		LEASE GRANT 100 ID 7 = LEASEEXISTS lease id is already in use
		LEASE TTL 7 = [ttl 100 granted 100]
		MSET a 1 b 2 c 3 = OK
		LEASE ATTACH 7 b a none a = 2
		LEASE ATTACH 8 a = NOLEASE no such lease
		> 1
		SET a one = OK
		LEASE ATTACH 7 a = 1
		> 0
		LEASE TTL 7 KEYS = [ttl 100 granted 100 keys [[0 a] [0 b] [1 a]]]
		+40
		PTTL a = 60
		LEASE TTL 7 = [ttl 60 granted 100]
		LEASE KEEPALIVE 7 = 100
		PTTL a = 100
		# SET and EXPIRE and PERSIST take a key off its lease, RENAME does not
		SET a 2 = OK
		PTTL a = -1
		RENAME b d = OK
		LEASE TTL 7 KEYS = [ttl 100 granted 100 keys [[0 d] [1 a]]]
		LEASE DETACH d c none = 1
		PTTL d = -1
		LEASE ATTACH 7 a c d = 3
		EXPIRE a 100 = 1
		PERSIST c = 1
		LEASE TTL 7 KEYS = [ttl 100 granted 100 keys [[0 d] [1 a]]]
		LEASE LIST = [7]
		LEASE REVOKE 7 = 2
		LEASE REVOKE 7 = NOLEASE no such lease
		LEASE KEEPALIVE 7 = NOLEASE no such lease
		LEASE TTL 7 = NOLEASE no such lease
		LEASE LIST = []
		KEYS * = [a c]
	`)
}

func TestLeaseEnds(t *testing.T) {
	script(t, `
		LEASE GRANT 100 ID 7 = 7
		MSET a 1 b 2 = OK
		LEASE ATTACH 7 a b = 2
		+99
		_REVOKE-DUE 7 = OK
		EXISTS a b = 2
		+1
		# it is due, and there until the leader revokes it
		EXISTS a b = 2
		DBSIZE = 2
		PTTL a = 0
		LEASE TTL 7 = [ttl 0 granted 100]
		LEASE LIST = [7]
		LEASE KEEPALIVE 7 = 100
		+100
		_REVOKE-DUE 7 8 = OK
		EXISTS a b = 0
		DBSIZE = 0
		LEASE LIST = []
		LEASE KEEPALIVE 7 = NOLEASE no such lease
		HISTORY b COUNT 1 REV = [[3-1 del nil 0]]
		# a keepalive that came first wins
		LEASE GRANT 50 ID 7 = 7
		SET a 1 = OK
		LEASE ATTACH 7 a = 1
		+40
		LEASE KEEPALIVE 7 = 50
		+10
		_REVOKE-DUE 7 = OK
		EXISTS a = 1
	`)
}

func TestLeaseInOneRequest(t *testing.T) {
	script(t, `
		LEASE GRANT 100 ID 5 ; SET a 1 ; LEASE ATTACH 5 a ; LEASE TTL 5 KEYS = 5 ; OK ; 1 ; [ttl 100 granted 100 keys [[0 a]]]
		SET b 1 ; LEASE ATTACH 5 b ; LEASE REVOKE 5 ; EXISTS a b ; LEASE GRANT 10 ID 5 = OK ; 1 ; 2 ; 0 ; 5
		LEASE TTL 5 KEYS = [ttl 10 granted 10 keys []]
		SET a 1 ; LEASE ATTACH 5 a ; FLUSHALL ; LEASE TTL 5 KEYS ; SET a 2 ; PTTL a = OK ; 1 ; OK ; [ttl 10 granted 10 keys []] ; OK ; -1
		# an error takes back the whole of its own command
		SET b 1 ; LEASE ATTACH 6 a b ; PTTL a = OK ; NOLEASE no such lease ; -1
	`)
}

func TestLeaseArguments(t *testing.T) {
	script(t, `
		LEASE GRANT x = ERR value is not an integer or out of range
		LEASE GRANT 0 = ERR lease ttl must be between 1 and 9000000000000 milliseconds
		LEASE GRANT -1 = ERR lease ttl must be between 1 and 9000000000000 milliseconds
		LEASE GRANT 9000000000001 = ERR lease ttl must be between 1 and 9000000000000 milliseconds
		LEASE GRANT 9000000000000 ID 1 = 1
		LEASE GRANT 10 ID = ERR syntax error
		LEASE GRANT 10 FOO 1 = ERR syntax error
		LEASE GRANT 10 ID -1 = ERR lease id must be a positive 63-bit integer, or 0 to have one chosen
		LEASE GRANT 10 ID 9223372036854775808 = ERR lease id must be a positive 63-bit integer, or 0 to have one chosen
		LEASE GRANT 10 ID 9223372036854775807 = 9223372036854775807
		LEASE LIST = [1 9223372036854775807]
		LEASE REVOKE x = ERR lease id must be a positive 63-bit integer, or 0 to have one chosen
		LEASE TTL 1 FOO = ERR syntax error
		LEASE TTL 2 = NOLEASE no such lease
	`)
	s := newStage(t)
	one, two := s.do("LEASE GRANT 100"), s.do("LEASE GRANT 100 ID 0")
	if one == two || strings.HasPrefix(one, "-") || one == "0" {
		t.Errorf("LEASE GRANT chose %s and %s", one, two)
	}
}

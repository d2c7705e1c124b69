package command

import "testing"

func TestExpireAtLogTime(t *testing.T) {
	script(t, `
		SET a 1 = OK
		EXPIRE a 1 = 1
		+500
		TTL a = 1
		PTTL a = 500
		EXPIRETIME a = 1001
		PEXPIRETIME a = 1001000
		+1
		TTL a = 0
		+498
		GET a = 1
		+1
		EXISTS a = 0
		TTL a = -2
		TYPE a = none
		KEYS * = []
		DBSIZE = 0
		RANDOMKEY = nil
		RENAME a b = ERR no such key
		# the deletion was still to be done: once it counts, and only then
		_EXPIRE a b = OK
		HISTORY a = [[1-0 set 1 1] [2-0 set 1 2] [3-0 del nil 0]]
		SET a 2 = OK
		REVISION KEY a = [create_revision 4 mod_revision 4 version 1 lease 0]
	`)
}

// A write to a key past its deadline makes a new key.
func TestWriteEndsGeneration(t *testing.T) {
	script(t, `
		MSET a 1 b 1 c 1 = OK
		PEXPIRE a 10 ; PEXPIRE b 10 ; PEXPIRE c 10 = 1 ; 1 ; 1
		+10
		SET a 2 = OK
		REVISION KEY a = [create_revision 3 mod_revision 3 version 1 lease 0]
		HISTORY a REV COUNT 2 = [[3-1 set 2 1] [3-0 del nil 0]]
		SET src x ; RENAME src b ; COPY b c = OK ; OK ; 1
		REVISION KEY c = [create_revision 4 mod_revision 4 version 1 lease 0]
		PERSIST a = 0
		DBSIZE = 3
	`)
}

func TestExpireKeysLooksAgain(t *testing.T) {
	script(t, `
		MSET a 1 b 1 c 1 = OK
		PEXPIRE a 10 ; PEXPIRE b 10 = 1 ; 1
		+10
		+0
		PERSIST a = 0
		SET b 2 = OK
		_EXPIRE a b c none = OK
		KEYS * = [b c]
		_TICK = OK
	`)
}

func TestFlushInRequest(t *testing.T) {
	script(t, `
		SET a 1 ; FLUSHDB ; SET b 2 ; KEYS * = OK ; OK ; OK ; [b]
		SET a 1 ; FLUSHALL ; SET c 3 ; SWAPDB 0 1 ; DBSIZE ; SET d 4 ; SWAPDB 0 1 ; KEYS * = OK ; OK ; OK ; OK ; 0 ; OK ; OK ; [c]
		> 1
		KEYS * = [d]
		SET d 5 ; SWAPDB 0 99 ; FLUSHDB x ; GET d = OK ; ERR DB index is out of range ; ERR syntax error ; 5
	`)
}

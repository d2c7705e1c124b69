package command

import "testing"

func TestRevisionKeyAndHistory(t *testing.T) {
	script(t, `
		REVISION KEY a = nil
		HISTORY a = []
		SET a 1 = OK
		SET a 2 ; SET b 1 ; APPEND a x = OK ; OK ; 2
		REVISION KEY a = [create_revision 1 mod_revision 2 version 3 lease 0]
		DEL a = 1
		SET a 3 = OK
		REVISION KEY a = [create_revision 4 mod_revision 4 version 1 lease 0]
		HISTORY a = [[1-0 set 1 1] [2-0 set 2 2] [2-2 set 2x 3] [3-0 del nil 0] [4-0 set 3 1]]
		HISTORY a REV COUNT 2 = [[4-0 set 3 1] [3-0 del nil 0]]
		HISTORY a FROM 2 TO 3 = [[2-0 set 2 2] [2-2 set 2x 3] [3-0 del nil 0]]
		HISTORY a FROM 2 TO 3 REV COUNT 1 = [[3-0 del nil 0]]
		HISTORY a FROM 3 TO 2 = []
		HISTORY a FROM 9 = []
		HISTORY a TO 99 COUNT 1 = [[1-0 set 1 1]]
		HISTORY a FROM x = ERR revision is not a positive integer or out of range
		HISTORY a FROM 0 = ERR revision is not a positive integer or out of range
		HISTORY a FROM = ERR syntax error
		HISTORY a COUNT 0 = ERR value is out of range, must be positive
		HISTORY a FOO 1 = ERR syntax error
		LEASE GRANT 100 ID 9 = 9
		LEASE ATTACH 9 a = 1
		REVISION KEY a = [create_revision 4 mod_revision 5 version 2 lease 9]
	`)
}

func TestCompact(t *testing.T) {
	script(t, `
		COMPACT 1 = FUTUREREV required revision is a future revision
		SET a 1 = OK
		SET a 2 = OK
		DEL a = 1
		SET a 3 = OK
		COMPACT 5 = FUTUREREV required revision is a future revision
		COMPACT 3 = OK
		COMPACT 3 = COMPACTED required revision has been compacted
		COMPACT 2 = COMPACTED required revision has been compacted
		COMPACT x = ERR revision is not a positive integer or out of range
		COMPACT 0 = ERR revision is not a positive integer or out of range
		HISTORY a FROM 2 = COMPACTED required revision has been compacted
		_COMPACT-STEP 100 = OK
		HISTORY a = [[3-0 del nil 0] [4-0 set 3 1]]
		HISTORY a FROM 3 = [[3-0 del nil 0] [4-0 set 3 1]]
		COMPACT 4 = OK
		_COMPACT-STEP 1 = OK
		_COMPACT-STEP 100 = OK
		HISTORY a = [[4-0 set 3 1]]
		GET a = 3
	`)
}

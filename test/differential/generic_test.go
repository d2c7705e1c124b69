package differential

var genericCommands = []command{
	{line: "DEL key+", often: 8},
	{line: "UNLINK key+", often: 4},
	{line: "EXISTS key+"},
	{line: "TYPE key", often: 6},
	{line: "RANDOMKEY", law: chance},
	{line: "RENAME key key", often: 8},
	{line: "RENAMENX key key"},
	{line: "COPY key key { DB db | REPLACE }", often: 8},
	{line: "MOVE key db", often: 6},
	{line: "TOUCH key+"},
	{line: "OBJECT ENCODING key", often: 8},
	{line: "OBJECT FREQ key", law: shape, often: 1}, // counts by chance
	{line: "OBJECT IDLETIME key", law: near, often: 2},
	{line: "OBJECT REFCOUNT key", law: shape, often: 2}, // Redis counts a transaction that holds the value, and a copy is not shared
	{line: "OBJECT HELP", often: 1, alone: true},
	{line: "MEMORY USAGE key [ SAMPLES count ]", law: shape, often: 2},
	{line: "KEYS pattern", law: unordered},
	{line: "SCAN cursor { MATCH pattern | COUNT scans | TYPE type }", law: scan, often: 6},
	{line: "DBSIZE"},
	{line: "FLUSHDB [ ( ASYNC | SYNC | NOPE ) ]", often: 1},
	{line: "FLUSHALL [ ( ASYNC | SYNC | NOPE ) ]", often: 1, plain: true},
	{line: "SWAPDB db db", often: 2},
	{line: "SELECT db", often: 2, alone: true},
	{line: "DUMP key", law: exchange, often: 6},
	{line: "RESTORE key ( 0 | 0 | 0 | millis ) payload { REPLACE | ABSTTL | IDLETIME count | FREQ count }", often: 8},
	{line: "ECHO value", often: 1, alone: true},
	{line: "PING [ value ]", often: 1, alone: true},
}

var expireCommands = []command{
	{line: "EXPIRE key seconds { NX | XX | GT | LT }", often: 8},
	{line: "PEXPIRE key millis { NX | XX | GT | LT }", often: 8},
	{line: "EXPIREAT key unix { NX | XX | GT | LT }", often: 8},
	{line: "PEXPIREAT key unixms { NX | XX | GT | LT }", often: 8},
	{line: "TTL key", law: near, often: 6},
	{line: "PTTL key", law: near, often: 6},
	{line: "EXPIRETIME key", law: near},
	{line: "PEXPIRETIME key", law: near},
	{line: "PERSIST key"},
	{line: "PEXPIRE key moment { NX | XX }", law: lapse, often: 2, plain: true},
	{line: "PEXPIRE key moment", law: guarded, often: 2, plain: true},
	{line: "SET string value PX moment", law: lapse, often: 1, plain: true},
	{line: "PSETEX string moment value", law: lapse, often: 1, plain: true},
	{line: "GETEX string PX moment", law: lapse, often: 1, plain: true},
	{line: "RESTORE key moment payload REPLACE", law: lapse, often: 1, plain: true},
}

// transactionCommands are those outside of a transaction, where most of them are errors. Whole transactions are made by a function of their
// own, and while WATCH lasts there is nothing but them.
var transactionCommands = []command{
	{line: "EXEC", often: 1, alone: true, plain: true},
	{line: "DISCARD", often: 1, alone: true, plain: true},
	{line: "UNWATCH", often: 1},
	{line: "MULTI 'x", often: 1, plain: true},
	{line: "WATCH", often: 1, plain: true},
}

package differential

var stringCommands = []command{
	{line: "SET string value", often: 20},
	{line: "SET string value { ( NX | XX ) | GET | ( EX seconds | PX millis | EXAT unix | PXAT unixms | KEEPTTL ) }", often: 12},
	{line: "GET string", often: 8},
	{line: "MGET string+"},
	{line: "MSET ( string value )+"},
	{line: "MSETNX ( string value )+"},
	{line: "SETNX string value"},
	{line: "SETEX string seconds value"},
	{line: "PSETEX string millis value"},
	{line: "GETSET string value"},
	{line: "GETDEL string"},
	{line: "GETEX string { EX seconds | PX millis | EXAT unix | PXAT unixms | PERSIST }", often: 6},
	{line: "APPEND string value", often: 6},
	{line: "STRLEN string"},
	{line: "INCR string"},
	{line: "DECR string"},
	{line: "INCRBY string int", often: 8},
	{line: "DECRBY string int", often: 8},
	{line: "INCRBYFLOAT string float", often: 10},
	{line: "SETRANGE string offset value", often: 6},
	{line: "GETRANGE string index index", often: 6},
	{line: "SUBSTR string index index"},
	{line: "LCS string string { LEN | IDX | MINMATCHLEN count | WITHMATCHLEN }", often: 6},
}

var bitmapCommands = []command{
	{line: "SETBIT bits bitoffset bit", often: 12, free: rowSetBit},
	{line: "SET bits value", often: 6},
	{line: "GETBIT bits bitoffset", often: 6},
	{line: "BITCOUNT bits [ index index [ ( BIT | BYTE | NIT ) ] ]", often: 8},
	{line: "BITPOS bits bit [ index [ index [ ( BIT | BYTE | NIT ) ] ] ]", often: 8},
	{line: "BITOP ( AND | OR | XOR | NOT | NOPE ) bits bits+", often: 8},
	{line: "BITFIELD bits bitfield+", often: 24, free: rowSetBit},
	{line: "BITFIELD_RO bits bitread+", often: 4},
}

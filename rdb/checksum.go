package rdb

import "hash/crc64"

// jones is the table of Jones' polynomial, 0xad93d23594c935a9, with its bits in reverse order.
var jones = crc64.MakeTable(0x95ac9329ac4bc9b5)

// checksum continues crc, which is 0 at first. Redis inverts the register neither before nor after, as the library does.
func checksum(crc uint64, b []byte) uint64 {
	return ^crc64.Update(^crc, jones, b)
}

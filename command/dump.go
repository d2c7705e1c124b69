package command

import (
	"github.com/redoubt-db/redoubt/acl"
	"github.com/redoubt-db/redoubt/keyspace"
	"github.com/redoubt-db/redoubt/resp"
)

// Errors of RESTORE.
const (
	errBusyKey     Error = "BUSYKEY Target key name already exists."
	errRestoreTTL  Error = "ERR Invalid TTL value, must be >= 0"
	errRestoreIdle Error = "ERR Invalid IDLETIME value, must be >= 0"
	errRestoreFreq Error = "ERR Invalid FREQ value, must be >= 0 and <= 255"
	errDumpSum     Error = "ERR DUMP payload version or checksum are wrong"
	errDumpFormat  Error = "ERR Bad data format"
)

// Dumps are DUMP and RESTORE.
func Dumps() []Spec {
	return []Spec{
		{Name: "DUMP", Syntax: "key",
			Summary: "Return a serialized version of the value stored at the specified key.", Since: "2.6.0", Group: "generic",
			Complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
			Arity:      Exactly(2), Keys: KeyAt(1), ACL: acl.Keyspace, Tips: []string{"nondeterministic_output"}, Read: dump},
		{Name: "RESTORE", Syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
			Summary: "Create a key using the provided serialized value, previously obtained using DUMP.", Since: "2.6.0", Group: "generic",
			Complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
			Arity:      AtLeast(4), Keys: KeyAt(1).As("OW update"), Flags: DenyOOM, ACL: acl.Keyspace | acl.Dangerous, Write: restore},
	}
}

func dump(c *ReadCall) (resp.Value, error) {
	d, ok := c.View.Dump(c.At(1))
	if !ok {
		return resp.Null(), nil
	}
	return resp.Bulk(d), nil
}

// restoreOptions are those of RESTORE. Idle time and frequency are -1 when not given.
type restoreOptions struct {
	replace, absolute bool
	idle, frequency   int64
}

func (a args) restoreOptions() (o restoreOptions, err error) {
	o.idle, o.frequency = -1, -1
	for i := 4; i < len(a); i++ {
		left := len(a) - i - 1
		switch {
		case a.Is(i, "REPLACE"):
			o.replace = true
		case a.Is(i, "ABSTTL"):
			o.absolute = true
		case a.Is(i, "IDLETIME") && left >= 1 && o.frequency < 0:
			if o.idle, err = a.Int(i + 1); err != nil {
				return o, err
			}
			if o.idle < 0 {
				return o, errRestoreIdle
			}
			i++
		case a.Is(i, "FREQ") && left >= 1 && o.idle < 0:
			if o.frequency, err = a.Int(i + 1); err != nil {
				return o, err
			}
			if o.frequency < 0 || o.frequency > 255 {
				return o, errRestoreFreq
			}
			i++
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

func restore(c *WriteCall) (resp.Value, error) {
	o, err := c.restoreOptions()
	if err != nil {
		return resp.None, err
	}
	if _, exists := c.Tx.Lookup(c.At(1)); exists && !o.replace {
		return resp.None, errBusyKey
	}
	ttl, err := c.Int(2)
	if err != nil {
		return resp.None, err
	}
	if ttl < 0 {
		return resp.None, errRestoreTTL
	}
	d, err := keyspace.ParseDump(c.At(3))
	if err != nil {
		return resp.None, err
	}
	if ttl > 0 && !o.absolute {
		ttl += c.Tx.Counted()
	}
	if err := c.Tx.Restore(c.At(1), d, ttl, o.replace); err != nil {
		return resp.None, err
	}
	if o.idle >= 0 {
		c.Tx.SetIdle(c.At(1), o.idle)
	}
	if o.frequency >= 0 {
		c.Tx.SetFrequency(c.At(1), uint8(o.frequency))
	}
	return resp.OK(), nil
}

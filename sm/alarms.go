package sm

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/redoubt-db/redoubt/command"
	"github.com/redoubt-db/redoubt/resp"
)

// alarmCommand is the internal request that raises an alarm of a node, " ALARM name node 1", or disarms it, with 0.
const alarmCommand = " ALARM"

// The m row of alarms is alarmsFormat, their number, and of each the node and the name behind its length: varints.
const (
	alarmsName   = "alarms"
	alarmsFormat = 1

	alarmsMax    = 1000
	alarmNameMax = 64
	alarmSizeMin = 2
)

// Alarm is a fault of one node that all members act on, until it is disarmed.
type Alarm struct {
	Name string
	Node uint64
}

func (a Alarm) compare(b Alarm) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Node, b.Node))
}

// Alarms are those that are raised, in order of name and node. Any goroutine may call it; the slice is not to be
// changed.
func (m *Machine) Alarms() []Alarm {
	if list := m.alarms.Load(); list != nil {
		return *list
	}
	return nil
}

// useAlarms makes list the Machine's and tells of it.
func (m *Machine) useAlarms(list []Alarm) {
	m.alarms.Store(&list)
	if m.o.Alarms != nil {
		m.o.Alarms(list)
	}
}

// alarm is alarmCommand; it answers whether it changed anything.
func (x *execution) alarm() resp.Value {
	args := x.args[1:]
	if len(args) != 3 {
		return command.WrongArity(alarmCommand)
	}
	node, err := strconv.ParseUint(string(args[1]), 10, 64)
	if err != nil || node == 0 {
		return resp.Error("ERR invalid node id")
	}
	a := Alarm{string(args[0]), node}
	list := slices.Clone(x.m.Alarms())
	at, raised := slices.BinarySearchFunc(list, a, Alarm.compare)
	switch on := string(args[2]) == "1"; {
	case on == raised:
		return resp.Int(0)
	case !on:
		list = slices.Delete(list, at, at+1)
	case a.Name == "" || len(a.Name) > alarmNameMax || len(list) == alarmsMax:
		return resp.Error("ERR the alarm cannot be kept")
	default:
		list = slices.Insert(list, at, a)
	}
	x.m.batch.SetMeta(alarmsName, appendAlarms(nil, list))
	x.m.useAlarms(list)
	return resp.Int(1)
}

func appendAlarms(dst []byte, list []Alarm) []byte {
	dst = binary.AppendUvarint(append(dst, alarmsFormat), uint64(len(list)))
	for _, a := range list {
		dst = binary.AppendUvarint(dst, a.Node)
		dst = append(binary.AppendUvarint(dst, uint64(len(a.Name))), a.Name...)
	}
	return dst
}

// decodeAlarms reads what appendAlarms wrote; nothing is the row of a store that has none.
func decodeAlarms(row []byte) ([]Alarm, error) {
	if row == nil {
		return nil, nil
	}
	d := decoder{b: row}
	if format := d.byte(); format != alarmsFormat {
		return nil, fmt.Errorf("sm: alarms of format %d, where %d is known: a newer version is needed", format, alarmsFormat)
	}
	var list []Alarm
	for n := d.count(alarmSizeMin); n > 0; n-- {
		node := d.uvarint()
		list = append(list, Alarm{string(d.bytes()), node})
	}
	if d.bad || d.left() > 0 {
		return nil, fmt.Errorf("sm: damaged row of alarms: % x", row)
	}
	return list, nil
}

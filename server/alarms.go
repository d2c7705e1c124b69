package server

import (
	"slices"
	"strconv"
	"strings"

	"github.com/redoubt-db/redoubt/resp"
	"github.com/redoubt-db/redoubt/sm"
)

// Alarms of members, kept in the log, as in etcd: what one member suffers from all act on.
const (
	alarmNoSpace = "NOSPACE" // its data are above its quota: growing writes are refused everywhere
	alarmCorrupt = "CORRUPT" // its content differs from that of the others
)

// alarmed follows the log; the goroutine that applies calls it.
func (srv *Server) alarmed(list []sm.Alarm) {
	srv.guard.overFull.Store(slices.ContainsFunc(list, func(a sm.Alarm) bool { return a.Name == alarmNoSpace }))
}

// checkQuota raises this node's NOSPACE when its data outgrow quota-bytes, and takes it back when compaction has
// freed enough. It asks again every second, so a proposal that is lost does not matter.
func (srv *Server) checkQuota() {
	quota := srv.conf.Bytes("quota-bytes")
	over := quota > 0 && srv.diskUsed() > uint64(quota)
	raised := slices.Contains(srv.machine.Alarms(), sm.Alarm{Name: alarmNoSpace, Node: srv.replica.ID()})
	if over == raised {
		return
	}
	srv.setAlarm(alarmNoSpace, srv.replica.ID(), over, nil)
	if over {
		srv.log.Error("the data are above quota-bytes: growing writes are refused on all members; delete and compact, or raise the quota", "quota", quota)
		return
	}
	srv.log.Info("the data are below quota-bytes again", "quota", quota)
}

func (srv *Server) diskUsed() uint64 {
	defer srv.machine.RUnlock()
	if !srv.machine.RLock() {
		return 0
	}
	return uint64(srv.machine.Space().Store.DiskUsed())
}

// setAlarm raises or disarms an alarm through the log.
func (srv *Server) setAlarm(name string, node uint64, raised bool, done func(reply []byte, failed bool)) {
	srv.submit(0, alarmRequest(name, node, raised), done)
}

func alarmRequest(name string, node uint64, raised bool) [][]byte {
	return [][]byte{[]byte(" ALARM"), []byte(name), strconv.AppendUint(nil, node, 10), strconv.AppendInt(nil, int64(boolNumber(raised)), 10)}
}

// raftAlarm is RAFT ALARM LIST | DISARM [name [node]].
func raftAlarm(s *session, args [][]byte) resp.Value {
	switch {
	case is(args[2], "LIST") && len(args) == 3:
		var list []resp.Value
		for _, a := range s.srv.machine.Alarms() {
			list = append(list, resp.Map(resp.BulkString("alarm"), resp.BulkString(a.Name), resp.BulkString("node"), resp.BulkString(formatID(a.Node))))
		}
		return resp.Array(list...)
	case is(args[2], "DISARM"):
		return s.disarm(args[3:])
	}
	return resp.Error("ERR syntax error")
}

// disarm answers how many alarms it disarmed.
func (s *session) disarm(which [][]byte) resp.Value {
	name, node := "", uint64(0)
	if len(which) > 0 {
		name = strings.ToUpper(string(which[0]))
		if name != alarmNoSpace && name != alarmCorrupt {
			return resp.Error("ERR the alarms are " + alarmNoSpace + " and " + alarmCorrupt)
		}
	}
	if len(which) > 1 {
		var ok bool
		if node, ok = s.srv.findMember(which[1]); !ok {
			return errNoMember
		}
	}
	return s.later(func() resp.Value {
		disarmed := int64(0)
		for _, a := range s.srv.machine.Alarms() {
			if name != "" && a.Name != name || node != 0 && a.Node != node {
				continue
			}
			if s.srv.await(0, alarmRequest(a.Name, a.Node, false)...) != nil {
				return noQuorum
			}
			disarmed++
		}
		return resp.Int(disarmed)
	})
}

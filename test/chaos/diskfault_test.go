package chaos

import (
	"fmt"
	"strings"
	"time"

	"github.com/redoubt-db/redoubt/test/cluster"
)

func diskFaults() []fault {
	return []fault{
		{"power loss of one", disks, func(l *lane) error { return l.powerLoss(l.any()) }},
		{"power loss of the leader", disks, func(l *lane) error { return l.powerLoss(l.leader()) }},
		{"power loss of all", disks, func(l *lane) error { return l.powerLoss(l.rig.Running()...) }},
		{"the disk of one fails", disks, func(l *lane) error { return l.failDisk(l.any()) }},
		{"the leader's disk is stuck", disks, func(l *lane) error { return l.stick(l.leader()) }},
		{"the disk of one is stuck", disks, func(l *lane) error { return l.stick(l.any()) }},
		{"the disk of one is full", disks, func(l *lane) error { return l.fillDisk(l.any()) }},
		{"the leader's disk is full", disks, func(l *lane) error { return l.fillDisk(l.leader()) }},
	}
}

func (l *lane) disk(n *cluster.Node) *disk { return l.disks[l.index(n)] }

// powerLoss kills processes and takes all from their disks that was not synced.
func (l *lane) powerLoss(nodes ...*cluster.Node) error {
	for _, n := range nodes {
		n.Kill()
		if err := l.disk(n).losePower(); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if err := l.disk(n).again(); err != nil {
			return err
		}
	}
	l.some(l.faultMax)
	return startAll(nodes)
}

// failDisk lets every access to the disk fail. The process has to see that it is of no use any more.
func (l *lane) failDisk(n *cluster.Node) error {
	if err := l.disk(n).fail(); err != nil {
		return err
	}
	select {
	case <-n.Srv.Done():
	case <-time.After(startMax / 2):
		return fmt.Errorf("%s goes on though its disk failed:\n%s", n.Name, n.Srv.Tail())
	}
	n.Kill()
	if err := l.disk(n).again(); err != nil {
		return err
	}
	return n.Start()
}

// stick lets writes to the disk wait.
func (l *lane) stick(n *cluster.Node) error {
	d := l.disk(n)
	if err := d.freeze(); err != nil {
		return err
	}
	l.some(3 * l.faultMax)
	return d.thaw()
}

// fillDisk takes all the room that there is. The process may refuse what needs some, or end.
func (l *lane) fillDisk(n *cluster.Node) error {
	d := l.disk(n)
	err := d.fill()
	if err != nil {
		return err
	}
	l.some(3 * l.faultMax)
	if err := d.empty(); err != nil {
		return err
	}
	select {
	case <-n.Srv.Done():
		l.Logf("          %s ended: %s", n.Name, lastLine(n.Srv.Tail()))
		n.Kill()
		return n.Start()
	default:
		return nil
	}
}

func lastLine(text string) string { return text[strings.LastIndexByte(text, '\n')+1:] }

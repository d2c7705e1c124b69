package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// network is one namespace per node on a bridge, so that any direction between two of them can be cut.
type network struct {
	name string // begins all names
	net  int    // third byte of the addresses
	size int
}

func ip(words string, more ...any) error {
	words = fmt.Sprintf(words, more...)
	out, err := exec.Command("ip", strings.Fields(words)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", words, err, out)
	}
	return nil
}

func newNetwork(size int) (*network, error) {
	pid := os.Getpid()
	n := &network{name: fmt.Sprintf("rd%d", pid%100000), net: pid % 250, size: size}
	err := errors.Join(ip("link add %s type bridge", n.name), ip("addr add 10.77.%d.254/24 dev %s", n.net, n.name), ip("link set %s up", n.name))
	for i := range size {
		if err != nil {
			break
		}
		space := n.space(i)
		err = errors.Join(ip("netns add %s", space), ip("link add %s type veth peer name eth0 netns %s", space, space),
			ip("link set %s master %s", space, n.name), ip("link set %s up", space), ip("-n %s link set lo up", space),
			ip("-n %s addr add %s/24 dev eth0", space, n.host(i)), ip("-n %s link set eth0 up", space))
	}
	if err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *network) space(i int) string { return fmt.Sprintf("%s-%d", n.name, i) }

func (n *network) host(i int) string { return fmt.Sprintf("10.77.%d.%d", n.net, i+1) }

// cut drops all that one node sends to another.
func (n *network) cut(from, to int) error {
	return ip("-n %s route replace blackhole %s/32", n.space(from), n.host(to))
}

// heal ends all cuts.
func (n *network) heal() {
	for from := range n.size {
		for to := range n.size {
			_ = ip("-n %s route del blackhole %s/32", n.space(from), n.host(to)) // most are not there
		}
	}
}

func (n *network) close() {
	for i := range n.size {
		_ = ip("netns del %s", n.space(i))
	}
	_ = ip("link del %s", n.name)
}

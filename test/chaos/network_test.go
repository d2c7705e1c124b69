package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

const tunName = "slow0" // the device of ways through this process

// network is one namespace per node on a bridge, so that any direction between two of them can be cut, or led through
// this process and disturbed.
type network struct {
	name  string // begins all names
	net   int    // third byte of the addresses
	size  int
	links *links // nil: there are none
	why   error  // why there are none

	mu   sync.Mutex // guards what follows, and the routes
	ways map[[2]int]way
}

// way is how packets go from one node to another: at first, over the bridge.
type way struct{ cut, slow bool }

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
	n := &network{name: fmt.Sprintf("rd%d", pid%100000), net: pid % 250, size: size, ways: map[[2]int]way{}}
	_, err := exec.LookPath("nsenter")
	if err != nil {
		return nil, err
	}
	err = errors.Join(ip("link add %s type bridge", n.name), ip("addr add 10.77.%d.254/24 dev %s", n.net, n.name), ip("link set %s up", n.name))
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
	n.links, n.why = newLinks(n)
	return n, nil
}

func (n *network) space(i int) string { return fmt.Sprintf("%s-%d", n.name, i) }

func (n *network) host(i int) string { return fmt.Sprintf("10.77.%d.%d", n.net, i+1) }

// change gives a way between two nodes another route.
func (n *network) change(from, to int, how func(*way)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.ways[[2]int{from, to}]
	now := old
	how(&now)
	if now == old {
		return nil
	}
	n.ways[[2]int{from, to}] = now
	switch {
	case now.cut:
		return ip("-n %s route replace blackhole %s/32", n.space(from), n.host(to))
	case now.slow:
		return ip("-n %s route replace %s/32 dev %s src %s", n.space(from), n.host(to), tunName, n.host(from))
	}
	return ip("-n %s route del %s/32", n.space(from), n.host(to))
}

// cut drops all that one node sends to another.
func (n *network) cut(from, to int) error { return n.change(from, to, func(w *way) { w.cut = true }) }

// heal ends all cuts.
func (n *network) heal() { n.all(func(w *way) { w.cut = false }) }

// impair disturbs the ways chosen; restore ends that.
func (n *network) impair(q quality, which func(from, to int) bool) (err error) {
	n.links.set(q)
	for from := range n.size {
		for to := range n.size {
			if from != to && which(from, to) {
				err = errors.Join(err, n.change(from, to, func(w *way) { w.slow = true }))
			}
		}
	}
	return err
}

func (n *network) restore() { n.all(func(w *way) { w.slow = false }) }

func (n *network) all(how func(*way)) {
	for from := range n.size {
		for to := range n.size {
			if from != to {
				if err := n.change(from, to, how); err != nil {
					panic(err) // or else all that follows would be about another network than it says
				}
			}
		}
	}
}

func (n *network) close() {
	if n.links != nil {
		n.links.close()
	}
	for i := range n.size {
		_ = ip("netns del %s", n.space(i))
	}
	_ = ip("link del %s", n.name)
}

package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	packetMax = 64 << 10
	queueMax  = 4096 // packets on their way on one link; more are lost
)

// quality is how bad a link is.
type quality struct {
	delay, jitter             time.Duration
	lost, doubled, overtaking float64 // of one packet
}

func (q quality) String() string {
	return fmt.Sprintf("delay %s and up to %s more, %.1f %% lost, %.1f %% doubled, %.1f %% overtaking", q.delay, q.jitter, 100*q.lost,
		100*q.doubled, 100*q.overtaking)
}

// links are ways between the nodes through this process: a network device in every namespace whose other end is a file
// here. Kernels without netem can have slow links so, and nothing but a route says which packets come this way.
type links struct {
	files []*os.File
	ways  [][]chan packet // by sender and receiver
	done  chan struct{}
	all   sync.WaitGroup

	mu  sync.Mutex
	bad quality
}

type packet struct {
	at    time.Time // not to be delivered before
	bytes []byte
}

func newLinks(n *network) (*links, error) {
	l := &links{done: make(chan struct{})}
	for i := range n.size {
		f, err := openTun(n.space(i))
		if err != nil {
			l.close()
			return nil, fmt.Errorf("%s in %s: %w", tunName, n.space(i), err)
		}
		l.files = append(l.files, f)
		ways := make([]chan packet, n.size)
		for k := range ways {
			ways[k] = make(chan packet, queueMax)
		}
		l.ways = append(l.ways, ways)
	}
	for i := range n.size {
		l.all.Go(func() { l.read(i) })
		for k := range n.size {
			l.all.Go(func() { l.deliver(l.ways[i][k], l.files[k]) })
		}
	}
	return l, nil
}

// openTun makes the device in a namespace. The file belongs to that namespace for ever, whichever thread uses it.
func openTun(space string) (f *os.File, err error) {
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		runtime.LockOSThread() // never unlocked: the thread ends with this function, as it is in another namespace
		var ns int
		if ns, err = unix.Open("/run/netns/"+space, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(ns)
		if err = unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
			return
		}
		var fd int
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err != nil {
			return
		}
		req, _ := unix.NewIfreq(tunName)
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
			unix.Close(fd)
			return
		}
		f = os.NewFile(uintptr(fd), tunName)
	}()
	<-opened
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"all", tunName, "eth0"} { // what is sent this way may be answered the other
		setting := exec.Command("nsenter", "--net=/run/netns/"+space, "sysctl", "-q", "-w", "net.ipv4.conf."+name+".rp_filter=0")
		if out, err := setting.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("sysctl: %w: %s", err, out)
		}
	}
	return f, ip("-n %s link set %s up", space, tunName)
}

// read takes what node i sends and lets it on its way, or not.
func (l *links) read(i int) {
	buffer := make([]byte, packetMax)
	for {
		n, err := l.files[i].Read(buffer)
		if err != nil {
			return
		}
		if n < 20 || buffer[0]>>4 != 4 {
			continue
		}
		to := int(buffer[19]) - 1 // the last byte of the address; see network.host
		if to < 0 || to >= len(l.ways) {
			continue
		}
		l.mu.Lock()
		q := l.bad
		l.mu.Unlock()
		l.send(l.ways[i][to], l.files[to], q, append([]byte(nil), buffer[:n]...))
	}
}

func (l *links) send(way chan packet, to *os.File, q quality, bytes []byte) {
	if rand.Float64() < q.lost {
		return
	}
	copies := 1
	if rand.Float64() < q.doubled {
		copies = 2
	}
	if rand.Float64() < q.overtaking {
		_, _ = to.Write(bytes)
		copies--
	}
	delay := q.delay
	if q.jitter > 0 {
		delay += rand.N(q.jitter)
	}
	for range copies {
		select {
		case way <- packet{time.Now().Add(delay), bytes}:
		default:
		}
	}
}

// deliver keeps the order of a way.
func (l *links) deliver(way chan packet, to *os.File) {
	for {
		select {
		case p := <-way:
			select {
			case <-time.After(time.Until(p.at)):
			case <-l.done:
				return
			}
			_, _ = to.Write(p.bytes)
		case <-l.done:
			return
		}
	}
}

func (l *links) set(q quality) {
	l.mu.Lock()
	l.bad = q
	l.mu.Unlock()
}

func (l *links) close() {
	close(l.done)
	for _, f := range l.files {
		f.Close()
	}
	l.all.Wait()
}

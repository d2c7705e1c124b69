package raftwire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

const (
	dialMax     = 5 * time.Second
	keepAlive   = 10 * time.Second
	acceptMax   = 512 // connections at once: a few for each member, and strangers shall not take all files
	acceptPause = 50 * time.Millisecond
)

var errFull = errors.New("raftwire: there are too many connections")

// New returns a node's transport, which is its own factory: dragonboat calls Create, then Start.
func New(log *slog.Logger) *Transport {
	t := &Transport{log: log, limit: acceptMax, conns: map[net.Conn]struct{}{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// Create is called once.
func (t *Transport) Create(c config.NodeHostConfig, deliver raftio.MessageHandler, take raftio.ChunkHandler) raftio.ITransport {
	t.config, t.deliver, t.take = c, deliver, take
	return t
}

// Validate tells whether an address, host:port, is one that can be listened on and dialled.
func (t *Transport) Validate(address string) bool { return ValidAddress(address) }

// Transport is one node's. Its methods may be called by any goroutine, but for Start and Close.
type Transport struct {
	log     *slog.Logger
	config  config.NodeHostConfig
	deliver raftio.MessageHandler
	take    raftio.ChunkHandler
	limit   int // of accepted connections

	ctx       context.Context // ends with Close
	cancel    context.CancelFunc
	tls       atomic.Pointer[tls.Config] // what others are accepted with; nil: not encrypted
	listeners []net.Listener
	work      sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{} // accepted
	closed bool

	direct   direct
	received atomic.Int64
}

var (
	_ raftio.ITransport       = (*Transport)(nil)
	_ config.TransportFactory = (*Transport)(nil)
)

// Name is for dragonboat's log.
func (t *Transport) Name() string { return "redoubt" }

// Start listens on all addresses that the host of the configured one has.
func (t *Transport) Start() error {
	secure, err := t.config.GetServerTLSConfig()
	if err != nil {
		return fmt.Errorf("raftwire: certificates: %w", err)
	}
	t.tls.Store(fullRecords(secure))
	addresses, err := listenOn(t.ctx, t.config.GetListenAddress())
	if err != nil {
		return fmt.Errorf("raftwire: %w", err)
	}
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("raftwire: %w", err) // dragonboat calls Close
		}
		t.listeners = append(t.listeners, l)
	}
	for _, l := range t.listeners {
		t.work.Go(func() { t.accept(l) })
	}
	return nil
}

// fullRecords keeps TLS from cutting what it sends first into smaller pieces.
func fullRecords(c *tls.Config) *tls.Config {
	if c != nil {
		c.DynamicRecordSizingDisabled = true
	}
	return c
}

// Close returns when nothing more is delivered.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	t.cancel()
	for _, l := range t.listeners {
		_ = l.Close()
	}
	for c := range t.conns {
		_ = c.Close()
	}
	t.mu.Unlock()
	t.work.Wait()
	return nil
}

// accept serves whoever connects. That the process has too many files open is no reason to end it.
func (t *Transport) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err == nil {
			err = t.add(conn)
		}
		switch {
		case t.ctx.Err() != nil:
			return
		case err != nil:
			t.log.Warn("A connection to Raft's port was not accepted", "err", err)
			if conn != nil {
				conn.Close()
			}
			select {
			case <-time.After(acceptPause):
			case <-t.ctx.Done():
				return
			}
		}
	}
}

// add serves conn, or says why it cannot.
func (t *Transport) add(conn net.Conn) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return conn.Close()
	case len(t.conns) >= t.limit:
		return errFull
	}
	t.conns[conn] = struct{}{}
	t.work.Go(func() {
		defer t.remove(conn)
		from := conn.RemoteAddr().String()
		err := t.serve(conn)
		switch {
		case err == nil || t.ctx.Err() != nil:
		case unusual(err):
			t.log.Warn("A connection to Raft's port was closed", "from", from, "err", err)
		default:
			t.log.Debug("A connection to Raft's port ended", "from", from, "err", err)
		}
	})
	return nil
}

func (t *Transport) remove(conn net.Conn) {
	_ = conn.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, conn)
}

// unusual tells what the operator should know of from what happens when a node dies.
func unusual(err error) bool {
	var network *net.OpError
	if errors.As(err, &network) {
		return network.Op == "remote error" // a handshake that the other side gave up
	}
	return !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) && err != errIdle
}

// serve delivers what arrives until the stream ends, or something is wrong with it.
func (t *Transport) serve(conn net.Conn) error {
	if err := tune(conn); err != nil {
		return err
	}
	conn = quickly(conn)
	secure := t.serverTLS()
	if secure != nil {
		var err error
		if conn, err = accepted(t.ctx, conn, secure); err != nil {
			return fmt.Errorf("raftwire: handshake: %w", err)
		}
	}
	in, err := newFrames(conn, secure != nil)
	if err != nil {
		return err
	}
	for {
		method, payload, err := in.read()
		switch {
		case err == io.EOF:
			return nil
		case err == errFarewell:
			return writeFarewell(conn)
		case err != nil:
			return err
		}
		if more, err := t.receive(method, payload); err != nil || !more {
			return err
		}
	}
}

// Received counts the messages that came.
func (t *Transport) Received() int64 { return t.received.Load() }

// receive delivers one payload, and tells whether the next is wanted.
func (t *Transport) receive(method uint16, payload []byte) (more bool, err error) {
	if method == methodMessages {
		batch, err := decodeMessages(payload)
		if err != nil {
			return false, err
		}
		t.received.Add(int64(len(batch.Requests)))
		t.deliver(batch)
		return true, nil
	}
	var chunk pb.Chunk
	if err := decode(&chunk, payload); err != nil {
		return false, err
	}
	return t.take(chunk), nil // dragonboat tells its log why not
}

// GetConnection connects to a node for messages. Until it is closed, the connection ends with ctx.
func (t *Transport) GetConnection(ctx context.Context, target string) (raftio.IConnection, error) {
	o, err := t.connect(ctx, target)
	if err != nil {
		return nil, err
	}
	m := &messages{outgoing: o, direct: &t.direct}
	m.now.init(o.conn)
	return m, nil
}

// GetSnapshotConnection is GetConnection for one snapshot.
func (t *Transport) GetSnapshotConnection(ctx context.Context, target string) (raftio.ISnapshotConnection, error) {
	o, err := t.connect(ctx, target)
	if err != nil {
		return nil, err
	}
	return &chunks{o}, nil
}

func (t *Transport) connect(ctx context.Context, target string) (outgoing, error) {
	config, err := t.clientTLS(target)
	if err != nil {
		return outgoing{}, err
	}
	dialer := net.Dialer{Timeout: dialMax, KeepAlive: keepAlive}
	conn, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		return outgoing{}, err
	}
	if err := tune(conn); err != nil {
		return outgoing{}, errors.Join(err, conn.Close())
	}
	o := outgoing{conn: conn, encrypted: config != nil, end: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	if config != nil {
		if o.conn, err = secure(ctx, conn, config); err != nil {
			o.close()
			return outgoing{}, fmt.Errorf("raftwire: handshake with %s: %w", target, err)
		}
	}
	return o, nil
}

// serverTLS reads the files anew, as clientTLS does, so that certificates are replaced without a restart; while they cannot be read, what was read last counts.
func (t *Transport) serverTLS() *tls.Config {
	last := t.tls.Load()
	if last == nil {
		return nil
	}
	secure, err := t.config.GetServerTLSConfig()
	if err != nil {
		t.log.Warn("the certificates for other members cannot be read; those read before stay in use", "err", err)
		return last
	}
	t.tls.Store(fullRecords(secure))
	return secure
}

// clientTLS returns nil when connections are not encrypted. dragonboat takes IPv6 addresses for errors, so it is not told
// where the connection goes.
func (t *Transport) clientTLS(target string) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		return nil, fmt.Errorf("raftwire: %w", err)
	}
	config, err := t.config.GetClientTLSConfig("host:1")
	if err != nil {
		return nil, fmt.Errorf("raftwire: certificates: %w", err)
	}
	if config != nil {
		config.ServerName = host
	}
	return fullRecords(config), nil
}

// tune has a dead peer found out, a message sent at once, and nothing linger of a closed connection.
func tune(conn net.Conn) error {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	return errors.Join(c.SetLinger(0), c.SetKeepAlive(true), c.SetKeepAlivePeriod(keepAlive), c.SetNoDelay(true))
}

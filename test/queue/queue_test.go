package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	jobs      = 600
	workers   = 6
	kills     = 3
	silence   = 2 * time.Second
	drainMax  = 2 * time.Minute
	longest   = 1500 * time.Millisecond // delay of a job
	brokenJob = 50                      // one of so many fails whenever it is tried
	shakyJob  = 7                       // one of so many fails at first

	redisServer = "redis-server --port {port} --dir {dir} --appendonly yes --appendfsync always --save ''"
)

// startServer starts this server, or redis-server for as long as this one has no lists and sorted sets.
func startServer(t *testing.T) *server {
	t.Helper()
	s := start(t)
	if os.Getenv("REDOUBT_SERVER") != "" {
		return s
	}
	c := redis.NewClient(&redis.Options{Addr: s.addr()})
	defer c.Close()
	for _, name := range []string{"blmove", "lpos", "zrangebyscore", "hset"} {
		info, err := c.Do(t.Context(), "COMMAND", "INFO", name).Slice()
		if err != nil {
			t.Fatal(err)
		}
		if len(info) == 1 && info[0] != nil {
			continue
		}
		if _, err := exec.LookPath("redis-server"); err != nil {
			t.Skipf("the server has no %s yet, and there is no redis-server in its place: %v", name, err)
		}
		t.Logf("NOTICE: the server has no %s yet; redis-server is in its place", name)
		s.kill()
		t.Setenv("REDOUBT_SERVER", redisServer)
		return start(t)
	}
	return s
}

// plant is everything that runs: workers that crash and are replaced, and whoever moves jobs along.
type plant struct {
	*testing.T
	addr    string
	due     [jobs]time.Time
	tried   [jobs]atomic.Int32
	crashes atomic.Int32
	given   atomic.Int32 // jobs that were taken from silent workers
	early   atomic.Int32 // jobs that ran before they were due
	names   atomic.Int32
}

func (p *plant) client() *redis.Client {
	// No retries: a step whose outcome is unknown is looked up, not repeated.
	return redis.NewClient(&redis.Options{Addr: p.addr, MaxRetries: -1, DialTimeout: time.Second, ReadTimeout: 5 * time.Second, PoolSize: 4})
}

func id(i int) string { return "job:" + strconv.Itoa(i) }

// persist does what must happen sooner or later, through any number of broken connections.
func (p *plant) persist(ctx context.Context, what string, f func() error) {
	for {
		err := f()
		if err == nil || ctx.Err() != nil {
			return
		}
		if errors.Is(err, context.DeadlineExceeded) {
			p.Errorf("%s: %v", what, err)
			return
		}
		wait(ctx, 20*time.Millisecond)
	}
}

// worker runs until it crashes, without a word to anybody, and is followed by another.
func (p *plant) worker(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil {
		life, crash := context.WithCancel(ctx)
		c := p.client()
		crashAfter := 5 + rng.IntN(60)
		w := &Worker{Queue: &Queue{Client: c, Silence: silence}, Name: strconv.Itoa(int(p.names.Add(1))), Backoff: 30 * time.Millisecond}
		w.Do = func(name, payload string) (string, error) {
			if crashAfter--; crashAfter == 0 { // with the job in its hands
				p.crashes.Add(1)
				crash()
				c.Close()
				return "", nil
			}
			return p.do(name, payload)
		}
		w.Run(life)
		crash()
		c.Close()
	}
}

func (p *plant) do(name, payload string) (string, error) {
	var i int
	if _, err := fmt.Sscanf(payload, "payload %d", &i); err != nil || id(i) != name {
		p.Errorf("%s came with payload %q", name, payload)
		return "", nil
	}
	if time.Now().Before(p.due[i]) {
		p.early.Add(1)
	}
	n := p.tried[i].Add(1)
	if i%brokenJob == 0 || i%shakyJob == 0 && n == 1 {
		return "", errors.New("no luck")
	}
	return "result " + strconv.Itoa(i), nil
}

// move carries on what nobody waits for: jobs that are due, and those of workers that have died.
func (p *plant) move(ctx context.Context) {
	c := p.client()
	defer c.Close()
	q := &Queue{Client: c, Silence: silence}
	for ctx.Err() == nil {
		q.MoveDue(ctx)
		n, _ := q.Reap(ctx)
		p.given.Add(int32(n))
		wait(ctx, 10*time.Millisecond)
	}
}

// TestQueue puts jobs while workers crash and the server is killed, and then looks at what became of each.
func TestQueue(t *testing.T) {
	s := startServer(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := &plant{T: t, addr: s.addr()}
	ctx, stop := context.WithTimeout(t.Context(), drainMax)
	defer stop()
	var running sync.WaitGroup
	for i := range workers {
		running.Go(func() { p.worker(ctx, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	for range 2 { // two, so that they contend
		running.Go(func() { p.move(ctx) })
	}
	rng := rand.New(rand.NewPCG(seed, 1<<32))
	c := p.client()
	defer c.Close()
	q := &Queue{Client: c}
	for i := range jobs {
		if i%3 == 0 {
			p.due[i] = time.Now().Add(time.Duration(rng.Int64N(int64(longest)))).Truncate(time.Millisecond)
		}
		if i > 0 && i%(jobs/(kills+1)) == 0 {
			s.kill()
			s.run(t)
		}
		p.persist(ctx, "Put", func() error { return q.Put(ctx, id(i), fmt.Sprintf("payload %d", i), p.due[i]) })
	}
	p.persist(ctx, "waiting for the last job", func() error {
		left, err := c.HLen(ctx, payloads).Result()
		if err == nil && left > 0 {
			err = fmt.Errorf("%d jobs are left", left)
		}
		return err
	})
	if ctx.Err() != nil {
		left, _ := c.HKeys(t.Context(), payloads).Result()
		t.Errorf("jobs that were never done: %q", left)
	}
	stop()
	running.Wait()
	p.check(t.Context(), c)
	t.Logf("%d jobs, %d crashes of workers, %d jobs given back, %d kills of the server", jobs, p.crashes.Load(), p.given.Load(), kills)
	if p.crashes.Load() == 0 || p.given.Load() == 0 {
		t.Error("no worker crashed with a job in its hands")
	}
}

// check holds every job to the promise.
func (p *plant) check(ctx context.Context, c *redis.Client) {
	if n := p.early.Load(); n > 0 {
		p.Errorf("%d jobs ran before they were due", n)
	}
	times, err := c.HGetAll(ctx, done).Result()
	if err != nil {
		p.Fatal(err)
	}
	results := c.HGetAll(ctx, done+":results").Val()
	given, err := c.LRange(ctx, dead, 0, -1).Result()
	if err != nil {
		p.Fatal(err)
	}
	up := map[string]int{}
	for _, name := range given {
		up[name]++
	}
	for i := range jobs {
		want, wantDead, wantResult := "1", 0, "result "+strconv.Itoa(i)
		if i%brokenJob == 0 {
			want, wantDead, wantResult = "", 1, ""
		}
		if times[id(i)] != want || up[id(i)] != wantDead || results[id(i)] != wantResult {
			p.Errorf("%s was done %q times with %q and given up %d times, want %q, %q and %d", id(i), times[id(i)], results[id(i)], up[id(i)], want, wantResult, wantDead)
		}
	}
	// Nothing lies about: neither ready, nor delayed, nor in the list of any worker there ever was.
	keys, err := c.Keys(ctx, "queue:*").Result()
	if err != nil {
		p.Fatal(err)
	}
	for _, key := range keys {
		if key != done && key != done+":results" && key != dead && key != alive {
			p.Errorf("%s is left, a %s", key, c.Type(ctx, key).Val())
		}
	}
}

// Package queue is a job queue as applications write them: lists for what is ready and what is being worked on, sorted sets for what comes
// later and for signs of life, transactions in between, and no scripts. Its test kills workers and the server:
//
//	cd test/queue && go test ./...
//	REDOUBT_SERVER='redis-server --port {port} --dir {dir} --appendonly yes --appendfsync always' go test ./...
//
// # The promise
//
// A job that was put is done, and its effect happens once, whoever dies when. A job is at any time in exactly one place: the ready list, the
// delayed set, the list of one worker, or done. Every change of place is one atomic step, so a client that does not know whether a step
// happened looks where the job is, and goes on from there.
package queue

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// The keys. Those of workers end with the worker's name.
const (
	ready    = "queue:ready"    // list of job ids, oldest at the right
	delayed  = "queue:delayed"  // sorted set of job ids by the millisecond when they are due
	working  = "queue:working:" // list of what a worker has taken
	alive    = "queue:alive"    // sorted set of workers by their last sign of life
	payloads = "queue:jobs"     // hash of payloads, of jobs that are not done
	attempts = "queue:attempts" // hash of how often a job has failed
	done     = "queue:done"     // hash of results
	dead     = "queue:dead"     // list of jobs that were given up
)

const (
	takeMax     = time.Second           // for one job to come, during which a worker shows no sign of life
	retryAfter  = 25 * time.Millisecond // when the server is not there
	attemptsMax = 3
	moveMax     = 100 // jobs that become ready in one transaction
	conflictMax = 1000
)

// ErrLost means that the job is not this worker's any more.
var ErrLost = errors.New("queue: the job was given to another worker")

// Queue is one client's way to the jobs.
type Queue struct {
	Client *redis.Client
	// Silence is how long a worker may show no sign of life before its jobs are given back. It is longer than a worker waits for a job and
	// works on it; one that is only slow loses the job, and ErrLost tells it so.
	Silence time.Duration
}

// Put adds a job that is due at the time given. Putting a job again does nothing, so who does not know whether it was put puts it again.
func (q *Queue) Put(ctx context.Context, id, payload string, due time.Time) error {
	return q.atomically(ctx, func(tx *redis.Tx) error {
		known, err := tx.HExists(ctx, payloads, id).Result()
		if err == nil && !known {
			known, err = tx.HExists(ctx, done, id).Result()
		}
		if err != nil || known {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.HSet(ctx, payloads, id, payload)
			if due.After(time.Now()) {
				p.ZAdd(ctx, delayed, redis.Z{Score: float64(due.UnixMilli()), Member: id})
			} else {
				p.LPush(ctx, ready, id)
			}
			return nil
		})
		return err
	}, payloads)
}

// atomically runs a transaction again for as long as others change what it watches.
func (q *Queue) atomically(ctx context.Context, run func(*redis.Tx) error, keys ...string) error {
	for range conflictMax {
		if err := q.Client.Watch(ctx, run, keys...); !errors.Is(err, redis.TxFailedErr) {
			return err
		}
	}
	return redis.TxFailedErr
}

// MoveDue makes ready what is due now, and returns how many jobs that were.
func (q *Queue) MoveDue(ctx context.Context) (moved int, err error) {
	err = q.atomically(ctx, func(tx *redis.Tx) error {
		ids, err := tx.ZRangeByScore(ctx, delayed, &redis.ZRangeBy{
			Min: "-inf", Max: strconv.FormatInt(time.Now().UnixMilli(), 10), Count: moveMax}).Result()
		if moved = len(ids); err != nil || moved == 0 {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			for _, id := range ids {
				p.ZRem(ctx, delayed, id)
				p.LPush(ctx, ready, id)
			}
			return nil
		})
		return err
	}, delayed)
	return moved, err
}

// Reap gives back the jobs of workers that have been silent for too long, and returns how many.
func (q *Queue) Reap(ctx context.Context) (jobs int, err error) {
	before := time.Now().Add(-q.Silence).UnixMilli()
	silent, err := q.Client.ZRangeByScore(ctx, alive, &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(before, 10)}).Result()
	if err != nil {
		return 0, err
	}
	for _, worker := range silent {
		for {
			err := q.Client.LMove(ctx, working+worker, ready, "RIGHT", "RIGHT").Err()
			if errors.Is(err, redis.Nil) {
				break
			}
			if err != nil {
				return jobs, err
			}
			jobs++
		}
		if err := q.forget(ctx, worker, before); err != nil {
			return jobs, err
		}
	}
	return jobs, nil
}

// forget takes a worker off the list, unless it has shown a sign of life meanwhile or has taken one more job.
func (q *Queue) forget(ctx context.Context, worker string, before int64) error {
	return q.atomically(ctx, func(tx *redis.Tx) error {
		n, err := tx.LLen(ctx, working+worker).Result()
		if err != nil || n > 0 {
			return err
		}
		last, err := tx.ZScore(ctx, alive, worker).Result()
		if errors.Is(err, redis.Nil) || err == nil && last > float64(before) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.ZRem(ctx, alive, worker)
			return nil
		})
		return err
	}, working+worker, alive)
}

// Worker takes jobs one at a time.
type Worker struct {
	Queue *Queue
	Name  string
	// Do is the work; its result is what the job leaves behind. An error is another attempt later.
	Do func(id, payload string) (result string, err error)
	// Backoff is how long a job waits after it has failed.
	Backoff time.Duration
}

// Run works until the context ends. Errors of the connection are not its end: what it was about is looked up again.
func (w *Worker) Run(ctx context.Context) {
	for ctx.Err() == nil {
		id, err := w.take(ctx)
		if err == nil && id != "" {
			err = w.work(ctx, id)
		}
		if err != nil && !errors.Is(err, ErrLost) {
			wait(ctx, retryAfter)
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// take returns a job that this worker has already, or waits a moment for one. The sign of life comes first: whoever holds a job is known.
func (w *Worker) take(ctx context.Context) (id string, err error) {
	c := w.Queue.Client
	if err := c.ZAdd(ctx, alive, redis.Z{Score: float64(time.Now().UnixMilli()), Member: w.Name}).Err(); err != nil {
		return "", err
	}
	if id, err = c.LIndex(ctx, working+w.Name, -1).Result(); err == nil || !errors.Is(err, redis.Nil) {
		return id, err
	}
	id, err = c.BLMove(ctx, ready, working+w.Name, "RIGHT", "LEFT", takeMax).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	return id, err
}

func (w *Worker) work(ctx context.Context, id string) error {
	payload, err := w.Queue.Client.HGet(ctx, payloads, id).Result()
	if err != nil {
		return err
	}
	result, failed := w.Do(id, payload)
	if failed != nil {
		return w.leave(ctx, id, func(ctx context.Context, tx *redis.Tx, p redis.Pipeliner) error { return w.fail(ctx, id, tx, p) })
	}
	return w.leave(ctx, id, func(ctx context.Context, _ *redis.Tx, p redis.Pipeliner) error {
		p.HDel(ctx, payloads, id)
		p.HDel(ctx, attempts, id)
		p.HIncrBy(ctx, done, id, 1)
		p.HSet(ctx, done+":results", id, result)
		return nil
	})
}

// leave takes the job out of the worker's list together with what to queues, provided that it is still there.
func (w *Worker) leave(ctx context.Context, id string, to func(context.Context, *redis.Tx, redis.Pipeliner) error) error {
	mine := working + w.Name
	return w.Queue.atomically(ctx, func(tx *redis.Tx) error {
		if err := tx.LPos(ctx, mine, id, redis.LPosArgs{}).Err(); errors.Is(err, redis.Nil) {
			return ErrLost
		} else if err != nil {
			return err
		}
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.LRem(ctx, mine, 1, id)
			return to(ctx, tx, p)
		})
		return err
	}, mine)
}

// fail sends the job to a later time, or gives it up.
func (w *Worker) fail(ctx context.Context, id string, tx *redis.Tx, p redis.Pipeliner) error {
	n, err := tx.HGet(ctx, attempts, id).Int()
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	if n+1 >= attemptsMax {
		p.HDel(ctx, payloads, id)
		p.HDel(ctx, attempts, id)
		p.LPush(ctx, dead, id)
		return nil
	}
	p.HIncrBy(ctx, attempts, id, 1)
	p.ZAdd(ctx, delayed, redis.Z{Score: float64(time.Now().Add(w.Backoff).UnixMilli()), Member: id})
	return nil
}

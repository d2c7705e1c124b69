package main

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	refuseEvery  = 5 // Put
	missingEvery = 7 // Range
)

// node answers as etcd does, but refuses some.
type node struct {
	pb.UnimplementedKVServer

	mu           sync.Mutex // guards what follows
	puts, ranges int
	serializable int
}

func (n *node) Put(_ context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.puts++; n.puts%refuseEvery == 0 {
		return nil, status.Error(codes.ResourceExhausted, "too many")
	}
	return &pb.PutResponse{Header: &pb.ResponseHeader{}}, nil
}

func (n *node) Range(_ context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Serializable {
		n.serializable++
	}
	reply := &pb.RangeResponse{Header: &pb.ResponseHeader{}}
	if n.ranges++; n.ranges%missingEvery != 0 {
		reply.Kvs = []*mvccpb.KeyValue{{Key: r.Key, Value: []byte("v")}}
	}
	return reply, nil
}

// TestClients holds that both clients ask for the same, and that what was answered and what was refused is counted as the node did.
func TestClients(t *testing.T) {
	for client := range dials {
		t.Run(client, func(t *testing.T) {
			n, l := new(node), listen(t)
			s := grpc.NewServer()
			pb.RegisterKVServer(s, n)
			go s.Serve(l)
			defer s.Stop()
			o := options{client: client, addr: l.Addr().String(), clients: 4, conns: 2, keys: 20, bytes: 16, seconds: 0.1}
			for _, test := range []struct {
				name  string
				sent  *int
				every int
				why   string
			}{
				{"put", &n.puts, refuseEvery, "too many"},
				{"range", &n.ranges, missingEvery, "is not there"},
			} {
				o.test = test.name
				r, err := run(o)
				if err != nil {
					t.Fatal(err)
				}
				if want := *test.sent / test.every; r.Failed != want || r.Requests+r.Failed != *test.sent || !strings.Contains(r.Why, test.why) {
					t.Errorf("%s: %d of %d answered, %d refused with %q, want %d with %q", test.name, r.Requests, *test.sent, r.Failed, r.Why, want, test.why)
				}
			}
			if n.serializable > 0 {
				t.Errorf("%d of %d reads are not linearizable", n.serializable, n.ranges)
			}
			o.test = "fill"
			if _, err := run(o); err == nil {
				t.Error("a fill that misses keys is no error")
			}
		})
	}
}

func TestUnknownClient(t *testing.T) {
	if _, err := run(options{client: "none", clients: 1}); err == nil {
		t.Error("no error")
	}
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

package main

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// raw is gRPC with etcd's messages: nothing retries, balances or watches.
type raw struct {
	conn *grpc.ClientConn
	kv   pb.KVClient
}

func dialRaw(ctx context.Context, addr string) (store, error) {
	c, err := grpc.DialContext(ctx, addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithBlock())
	if err != nil {
		return nil, err
	}
	return raw{conn: c, kv: pb.NewKVClient(c)}, nil
}

func (r raw) put(key, value string) error {
	_, err := r.kv.Put(context.Background(), &pb.PutRequest{Key: []byte(key), Value: []byte(value)})
	return err
}

func (r raw) read(key string) (int, error) {
	reply, err := r.kv.Range(context.Background(), &pb.RangeRequest{Key: []byte(key)})
	if err != nil {
		return 0, err
	}
	return len(reply.Kvs), nil
}

func (r raw) close() { r.conn.Close() }

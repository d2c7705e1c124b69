package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redoubt-db/redoubt/internal/datadir"
	"github.com/redoubt-db/redoubt/sm"
)

// The file MEMBERS in the data directory says where the members were reached when this node last heard of it. What
// counts is in the log; this is for a node that has not got that far, or whose peers have moved. It is text:
//
//	redoubt-members 1
//	cluster 1231432184092834
//	seed 17290348120398412
//	wants voter
//	member 4034522170823409 127.0.0.1:17001 127.0.0.1:7001
const (
	membersFileName   = datadir.Members
	membersFileFormat = 1
)

type membersFile struct {
	cluster uint64
	seed    uint64
	voter   bool
	members []sm.Member
}

func readMembersFile(dir string) (*membersFile, error) {
	path := filepath.Join(dir, membersFileName)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	damaged := fmt.Errorf("%s is damaged; remove it and start with --join", path)
	in := bufio.NewReader(bytes.NewReader(b))
	var f membersFile
	var format int
	var wants string
	if _, err := fmt.Fscanf(in, "redoubt-members %d\n", &format); err != nil {
		return nil, damaged
	}
	if format > membersFileFormat {
		return nil, fmt.Errorf("%s was written by a newer version; start that version instead", path)
	}
	if _, err := fmt.Fscanf(in, "cluster %d\nseed %d\nwants %s\n", &f.cluster, &f.seed, &wants); err != nil {
		return nil, damaged
	}
	f.voter = wants != youLearner
	for {
		var m sm.Member
		if _, err := fmt.Fscanf(in, "member %d %s %s\n", &m.Node, &m.Raft, &m.Client); err != nil {
			return &f, nil
		}
		f.members = append(f.members, m)
	}
}

func (f *membersFile) write(dir string) error {
	wants := youVoter
	if !f.voter {
		wants = youLearner
	}
	text := fmt.Appendf(nil, "redoubt-members %d\ncluster %d\nseed %d\nwants %s\n", membersFileFormat, f.cluster, f.seed, wants)
	for _, m := range f.members {
		if m.Raft != "" && m.Client != "" {
			text = fmt.Appendf(text, "member %d %s %s\n", m.Node, m.Raft, m.Client)
		}
	}
	return datadir.WriteWhole(filepath.Join(dir, membersFileName), text)
}

package keyspace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// configRow is the m row of the cluster's directives.
const (
	configRow    = "config"
	configFormat = 1
)

// Config is what was set of the directives that all nodes agree on, name and value, in order of names. It
// needs the store's read lock; the slice is the caller's.
func (s *Space) Config() [][2]string {
	pairs := make([][2]string, 0, len(s.config))
	for _, name := range slices.Sorted(maps.Keys(s.config)) {
		pairs = append(pairs, [2]string{name, s.config[name]})
	}
	return pairs
}

// Configure sets a directive of the whole cluster. It is kept beside the data and takes no revision.
func (tx *Tx) Configure(name, value string) {
	s := tx.space
	old, had := s.config[name]
	databases, classes, limits := s.Databases, s.classes, s.limits
	tx.undo = append(tx.undo, func() {
		s.Databases, s.classes, s.limits = databases, classes, limits
		if had {
			s.config[name] = old
		} else {
			delete(s.config, name)
		}
	})
	s.config[name] = value
	s.useConfig(name, value)
	tx.configured = true
}

// useConfig acts on the directives that commands on keys depend on.
func (s *Space) useConfig(name, value string) {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil && name == "databases" && n > 0 {
		s.Databases = uint32(n)
	}
	if name == "notify-keyspace-events" {
		s.classes = parseClasses(value)
	}
	s.limits.use(name, value)
}

func (s *Space) loadConfig() {
	config, err := decodeConfig(s.Store.Meta(configRow))
	if err != nil {
		panic(err.Error())
	}
	s.config = config
	for _, p := range s.Config() {
		s.useConfig(p[0], p[1])
	}
}

var errConfigRow = errors.New("keyspace: damaged row of directives")

// appendConfig encodes directives: format, count, then name and value of each behind their lengths.
func appendConfig(dst []byte, pairs [][2]string) []byte {
	dst = append(dst, configFormat)
	dst = binary.AppendUvarint(dst, uint64(len(pairs)))
	for _, p := range pairs {
		for _, s := range p {
			dst = binary.AppendUvarint(dst, uint64(len(s)))
			dst = append(dst, s...)
		}
	}
	return dst
}

func decodeConfig(row []byte) (map[string]string, error) {
	config := map[string]string{}
	if row == nil {
		return config, nil
	}
	if len(row) == 0 || row[0] != configFormat {
		return nil, fmt.Errorf("keyspace: row of directives has unknown format: % x", row)
	}
	row = row[1:]
	n, size := binary.Uvarint(row)
	if size <= 0 {
		return nil, errConfigRow
	}
	row = row[size:]
	next := func() (s string, ok bool) {
		n, size := binary.Uvarint(row)
		if size <= 0 || n > uint64(len(row)-size) {
			return "", false
		}
		s, row = string(row[size:size+int(n)]), row[size+int(n):]
		return s, true
	}
	for ; n > 0; n-- {
		name, ok := next()
		value, ok2 := next()
		if !ok || !ok2 {
			return nil, errConfigRow
		}
		config[name] = value
	}
	if len(row) != 0 {
		return nil, errConfigRow
	}
	return config, nil
}

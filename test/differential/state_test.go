package differential

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/redoubt-db/redoubt/test/wire"
)

const databases = 3 // that scripts use

// content is what shows all of a value, by type.
var content = map[string]struct {
	law  law
	args func(key string) []string
}{
	"string": {equal, func(key string) []string { return []string{"GET", key} }},
	"list":   {equal, func(key string) []string { return []string{"LRANGE", key, "0", "-1"} }},
	"hash":   {pairs, func(key string) []string { return []string{"HGETALL", key} }},
	"set":    {unordered, func(key string) []string { return []string{"SMEMBERS", key} }},
	"zset":   {equal, func(key string) []string { return []string{"ZRANGE", key, "0", "-1", "WITHSCORES"} }},
}

// compareState compares everything that both servers hold: names, types, contents, encodings and deadlines.
func (p *pair) compareState() (*finding, error) {
	for db := range databases {
		if f, err := p.compareDatabase(db); f != nil || err != nil {
			return f, err
		}
	}
	return nil, nil
}

func (p *pair) compareDatabase(db int) (*finding, error) {
	in := fmt.Sprintf("database %d: ", db)
	r, err := p.look([]string{"SELECT", strconv.Itoa(db)}, []string{"KEYS", "*"}, []string{"DBSIZE"})
	if err != nil {
		return nil, err
	}
	if want, got := r[0][1], r[1][1]; !unordered.same(want, got) {
		return &finding{what: in + "the names differ", want: shown(want), got: shown(got)}, nil
	}
	if n := r[1][2]; n.Int != int64(len(r[1][1].Elems)) { // Redis may count what has expired
		return &finding{what: in + "DBSIZE", want: strconv.Itoa(len(r[1][1].Elems)), got: shown(n)}, nil
	}
	var keys []string
	for _, e := range r[0][1].Elems {
		keys = append(keys, e.Text)
	}
	slices.Sort(keys)
	types, err := p.askEach(keys, func(key string) []string { return []string{"TYPE", key} })
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		if want, got := types[0][i], types[1][i]; want.Text != got.Text {
			return &finding{what: in + "TYPE " + quoted(key), want: want.Text, got: got.Text}, nil
		}
	}
	looks := []struct {
		law  func(i int) law
		args func(i int) []string
	}{
		{func(i int) law { return content[types[0][i].Text].law }, func(i int) []string {
			if c, ok := content[types[0][i].Text]; ok {
				return c.args(keys[i])
			}
			return []string{"TYPE", keys[i]}
		}},
		{func(int) law { return near }, func(i int) []string { return []string{"PEXPIRETIME", keys[i]} }},
		{func(int) law { return equal }, func(i int) []string { return []string{"OBJECT", "ENCODING", keys[i]} }},
	}
	for _, l := range looks {
		var commands [][]string
		for i := range keys {
			commands = append(commands, l.args(i))
		}
		r, err := p.look(commands...)
		if err != nil {
			return nil, err
		}
		for i := range keys {
			want, got := r[0][i], r[1][i]
			if !l.law(i).same(want, got) && !p.documented(commands[i], want, got) {
				return &finding{what: in + line(commands[i]), want: shown(want), got: shown(got)}, nil
			}
		}
	}
	return nil, nil
}

func (p *pair) askEach(keys []string, args func(key string) []string) ([2][]wire.Reply, error) {
	var commands [][]string
	for _, key := range keys {
		commands = append(commands, args(key))
	}
	return p.look(commands...)
}

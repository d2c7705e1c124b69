package main

import "testing"

func TestLine(t *testing.T) {
	of := test{name: "SET", goals: map[int]float64{16: 1.2}}
	redis := []result{{100, 4e-6, 1, 5}, {300, 2e-6, 3, 7}, {200, 3e-6, 2, 6}}
	ours := []result{{150, 5e-6, 1.5, 5.5}, {50, 6e-6, 9, 9}, {400, 9e-6, 8, 8}}
	for _, c := range []struct {
		name     string
		pipeline int
		got      [2][]result
		want     string
	}{
		{"both", 16, [2][]result{redis, ours}, "| SET | 16 | 200 | 150 | 0.75 | 1.2 | 3.00 / 6.00 | 2.00 | 2.00 / 1.50 | 6.00 / 5.50 |"},
		{"no goal", 1, [2][]result{redis, ours}, "| SET | 1 | 200 | 150 | 0.75 |  | 3.00 / 6.00 | 2.00 | 2.00 / 1.50 | 6.00 / 5.50 |"},
		{"ours alone", 16, [2][]result{nil, ours}, "| SET | 16 | - | 150 | - | 1.2 | - / 6.00 | - | - / 1.50 | - / 5.50 |"},
		{"no processor time known", 1, [2][]result{{{100, 0, 1, 1}}, {{50, 0, 1, 1}}}, "| SET | 1 | 100 | 50 | 0.50 |  | 0.00 / 0.00 | - | 1.00 / 1.00 | 1.00 / 1.00 |"},
	} {
		if got := line(of, c.pipeline, c.got); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.name, got, c.want)
		}
	}
}

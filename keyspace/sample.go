package keyspace

import "math/bits"

// Random numbers of a read: the same on every replica that is given the same View.Seed.

// below is the next number below n, at least 1.
func (r *rng) below(n int) int {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int(hi)
}

// Picks are k numbers below n, each chosen by itself.
func (v *View) Picks(n, k int) []int {
	chance := rng{v.Seed}
	list := make([]int, k)
	for i := range list {
		list[i] = chance.below(n)
	}
	return list
}

// sampleSparse is how many times more there must be than are wanted for choosing them one by one.
const sampleSparse = 3

// Sample is k different numbers below n, or all of them, chosen evenly. Their order is no secret.
func (v *View) Sample(n, k int) []int {
	chance := rng{v.Seed}
	k = min(k, n)
	list := make([]int, 0, k)
	if k*sampleSparse > n {
		for i := range n {
			if chance.below(n-i) < k-len(list) {
				list = append(list, i)
			}
		}
		return list
	}
	has := make(map[int]bool, k)
	for last := n - k; last < n; last++ { // Floyd's: each round makes one more number possible, and takes one
		i := chance.below(last + 1)
		if has[i] {
			i = last
		}
		has[i] = true
		list = append(list, i)
	}
	return list
}

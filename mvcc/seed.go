package mvcc

// Seed is the key of the hash of names, the same on all replicas: see Options.Seed.
func (s *Store) Seed() uint64 { return s.seed }

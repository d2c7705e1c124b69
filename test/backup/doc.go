// Package backup runs redoubt backup, restore and recover as an operator does, on nodes that run, that were stopped,
// and that were killed with the rest of their cluster.
package backup

// Package quota fills a node beyond its quota, as its users do, and makes room again.
package quota

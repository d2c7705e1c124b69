// Package smoke does with the real binary what README tells a reader to do first, with redis-cli where it is installed, and what
// operators meet next: a kill, a clean stop, a directory in use, a wrong option, another address.
package smoke

// Package robust holds what no client, disk or operator may do to the server: black-box tests against the real binary, which
// send what is wrong, read nothing, fill the disk, damage the directory and end the process, and then look whether everybody
// else was served and everything acknowledged is there.
package robust

// Package image is the program as it lies in memory: the pages of its file and of its libraries.
//
// The kernel maps 64 KiB around each page of a file that is touched, if they are in its cache, and a start touches nearly all of a
// program: thirty megabytes, half of them constants and the tables of its functions, of which few are needed then. A process
// keeps what it has ever mapped, and mapped pages are the last that the kernel takes when it needs memory. Given back they are
// cache like any other, and a page that is touched again costs a microsecond as long as it is there.
package image

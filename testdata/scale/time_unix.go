//go:build unix

package main

import "syscall"

// processTime returns the seconds that the operating system has given to this
// process, on all processors.
func processTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

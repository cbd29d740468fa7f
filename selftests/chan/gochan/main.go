// SPDX-License-Identifier: GPL-2.0

// gochan sends to or receives from a channel's device with os.OpenFile, Read and Write
// alone, as any Go program would that knows nothing of channels as devices.
//
//	gochan send PATH COUNT GOROUTINES
//	gochan recv PATH GOROUTINES
//
// Elements are numbers of 8 bytes: the goroutine's, times 2^32, plus 0 to COUNT-1. What
// was received is printed, a line each. Receivers give up waiting again and again, by
// deadlines, and come back until the end of the file. They say "waiting" on standard error
// when each of them has given up once: nobody may send before that.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "gochan:", err)
		os.Exit(1)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	check(err)
	return n
}

func send(path string, count, goroutines int) {
	var wait sync.WaitGroup

	// Nobody closes before all have begun: the channel closes with its last sender.
	files := make([]*os.File, goroutines)
	for i := range files {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		check(err)
		files[i] = f
	}
	for i, f := range files {
		wait.Add(1)
		go func(i int, f *os.File) {
			defer wait.Done()
			var b [8]byte
			for n := 0; n < count; n++ {
				binary.LittleEndian.PutUint64(b[:], uint64(i)<<32|uint64(n))
				_, err := f.Write(b[:])
				check(err)
			}
			check(f.Close())
		}(i, f)
	}
	wait.Wait()
}

func recv(path string, goroutines int) {
	var wait, waiting sync.WaitGroup
	values := make(chan uint64, 1024)
	late := make(chan int, goroutines)

	for i := 0; i < goroutines; i++ {
		f, err := os.OpenFile(path, os.O_RDONLY, 0)
		check(err)
		wait.Add(1)
		waiting.Add(1)
		go func(f *os.File) {
			defer wait.Done()
			var b [64 * 8]byte

			// Nobody sends yet: this deadline passes.
			check(f.SetReadDeadline(time.Now().Add(time.Millisecond)))
			if _, err := f.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) {
				fmt.Fprintln(os.Stderr, "gochan: not a deadline:", err)
				os.Exit(1)
			}
			waiting.Done()
			n := 1
			for {
				check(f.SetReadDeadline(time.Now().Add(
					time.Duration(rand.Intn(2000)) * time.Microsecond)))
				got, err := f.Read(b[:])
				if errors.Is(err, os.ErrDeadlineExceeded) {
					n++
					continue
				}
				if errors.Is(err, io.EOF) {
					break
				}
				check(err)
				for j := 0; j < got; j += 8 {
					values <- binary.LittleEndian.Uint64(b[j:])
				}
			}
			check(f.Close())
			late <- n
		}(f)
	}
	waiting.Wait()
	fmt.Fprintln(os.Stderr, "waiting")
	go func() {
		wait.Wait()
		close(values)
	}()
	out := bufio.NewWriter(os.Stdout)
	for v := range values {
		fmt.Fprintln(out, v)
	}
	check(out.Flush())
	n := 0
	for i := 0; i < goroutines; i++ {
		n += <-late
	}
	fmt.Fprintln(os.Stderr, "deadlines:", n)
}

func main() {
	switch {
	case len(os.Args) == 5 && os.Args[1] == "send":
		send(os.Args[2], number(os.Args[3]), number(os.Args[4]))
	case len(os.Args) == 4 && os.Args[1] == "recv":
		recv(os.Args[2], number(os.Args[3]))
	default:
		fmt.Fprintln(os.Stderr, "usage: gochan send PATH COUNT GOROUTINES | recv PATH GOROUTINES")
		os.Exit(2)
	}
}

// SPDX-License-Identifier: GPL-2.0

// Go's channels, in one process: the workloads that they can do, over goroutines (go) and
// over goroutines that are locked to threads (go-threads). Prints records as main.c does.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"syscall"
	"unsafe"
)

const samples = 7

var threads bool // whether goroutines are locked to threads

func peer() string {
	if threads {
		return "go-threads"
	}
	return "go"
}

// The system call: time.Now() may take another clock.
func now() int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 4, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

func cpu() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func locked(fn func()) {
	if threads {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	fn()
}

func start(wait *sync.WaitGroup, fn func()) {
	wait.Add(1)
	go func() {
		locked(fn)
		wait.Done()
	}()
}

// A sample is n operations of fn. withCPU: several goroutines share the work.
func measure(key string, n int, withCPU bool, fn func(n int)) {
	var figures, cpus []float64
	locked(func() {
		fn(n)
		for i := 0; i < samples; i++ {
			c, t := cpu(), now()
			fn(n)
			figures = append(figures, float64(now()-t)/float64(n))
			cpus = append(cpus, float64(cpu()-c)/float64(n))
		}
	})
	sort.Float64s(figures)
	sort.Float64s(cpus)
	c := 0.0
	if withCPU {
		c = cpus[samples/2]
	}
	fmt.Printf("row %s %s %.2f %.2f %.2f 0 0 0 %.2f -\n", key, peer(), figures[samples/2],
		figures[samples/4], figures[samples-1-samples/4], c)
}

func sendrecv[T any](n int) {
	c := make(chan T, 16)
	var v T
	for i := 0; i < n; i++ {
		c <- v
		v = <-c
	}
}

func nonblocking(n int) {
	c := make(chan [64]byte, 16)
	for i := 0; i < n; i++ {
		select {
		case <-c:
		default:
		}
	}
}

func closed(n int) {
	c := make(chan [64]byte, 16)
	close(c)
	for i := 0; i < n; i++ {
		<-c
	}
}

func seq(capacity int) func(n int) {
	return func(n int) {
		c := make(chan int64, capacity)
		for ; n > 0; n -= capacity {
			for i := 0; i < capacity; i++ {
				c <- 0
			}
			for i := 0; i < capacity; i++ {
				<-c
			}
		}
	}
}

func selectUncontended(n int) {
	a, b := make(chan int64, 1), make(chan int64, 1)
	a <- 0
	for i := 0; i < n; i++ {
		select {
		case v := <-a:
			b <- v
		case v := <-b:
			a <- v
		}
	}
}

func pingpong(capacity int) func(n int) {
	return func(n int) {
		there, back := make(chan [64]byte, capacity), make(chan [64]byte, capacity)
		var wait sync.WaitGroup
		start(&wait, func() {
			for v := range there {
				back <- v
			}
		})
		var v [64]byte
		for i := 0; i < n; i++ {
			there <- v
			v = <-back
		}
		close(there)
		wait.Wait()
	}
}

func ready2(n int) {
	a, b := make(chan [64]byte, n), make(chan [64]byte, n)
	for i := 0; i < n; i++ {
		b <- [64]byte{}
	}
	t := now()
	for i := 0; i < n; i++ {
		select {
		case <-a:
		case <-b:
		}
	}
	unmeasured(n, t)
}

func ready8(n int) {
	var c [8]chan [64]byte
	for i := range c {
		c[i] = make(chan [64]byte, n)
	}
	for i := 0; i < n; i++ {
		c[7] <- [64]byte{}
	}
	t := now()
	for i := 0; i < n; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		case <-c[4]:
		case <-c[5]:
		case <-c[6]:
		case <-c[7]:
		}
	}
	unmeasured(n, t)
}

// What is measured began only at t: of those that have to get ready first.
var last float64

func unmeasured(n int, t int64) {
	last = float64(now()-t) / float64(n)
}

func measureLast(key string, n int, fn func(n int)) {
	var figures []float64
	locked(func() {
		fn(n)
		for i := 0; i < samples; i++ {
			fn(n)
			figures = append(figures, last)
		}
	})
	sort.Float64s(figures)
	fmt.Printf("row %s %s %.2f %.2f %.2f 0 0 0 0 -\n", key, peer(), figures[samples/2],
		figures[samples/4], figures[samples-1-samples/4])
}

var sink chan [64]byte

func creation(capacity int) func(n int) {
	return func(n int) {
		for i := 0; i < n; i++ {
			sink = make(chan [64]byte, capacity)
		}
	}
}

func crowd[T any](senders, receivers, capacity int) func(n int) {
	return func(n int) {
		c := make(chan T, capacity)
		var wait sync.WaitGroup
		for i := 0; i < senders; i++ {
			start(&wait, func() {
				var v T
				for i := 0; i < n/senders; i++ {
					c <- v
				}
			})
		}
		for i := 0; i < receivers; i++ {
			start(&wait, func() {
				for i := 0; i < n/receivers; i++ {
					<-c
				}
			})
		}
		wait.Wait()
	}
}

// Each of as many as there are processors does it with the same channel.
func each(capacity int, fn func(c chan int64, n int)) func(n int) {
	return func(n int) {
		c := make(chan int64, capacity)
		procs := runtime.GOMAXPROCS(0)
		var wait sync.WaitGroup
		for i := 0; i < procs; i++ {
			start(&wait, func() { fn(c, n/procs) })
		}
		wait.Wait()
	}
}

func sendThenRecv(c chan int64, n int) {
	for ; n > 0; n -= 100 {
		for i := 0; i < 100; i++ {
			c <- 0
		}
		for i := 0; i < 100; i++ {
			<-c
		}
	}
}

func sendAndRecv(c chan int64, n int) {
	for ; n > 0; n-- {
		c <- 0
		<-c
	}
}

func fours(capacity int) (c [4]chan int64) {
	for i := range c {
		c[i] = make(chan int64, capacity)
	}
	return
}

func selectRecv(c *[4]chan int64) {
	select {
	case <-c[0]:
	case <-c[1]:
	case <-c[2]:
	case <-c[3]:
	}
}

func selectSend(c *[4]chan int64) {
	select {
	case c[0] <- 0:
	case c[1] <- 0:
	case c[2] <- 0:
	case c[3] <- 0:
	}
}

func selectRx(capacity int) func(n int) {
	return func(n int) {
		c := fours(capacity)
		var wait sync.WaitGroup
		for i := range c {
			i := i
			start(&wait, func() {
				for k := 0; k < n/4; k++ {
					c[i] <- 0
				}
			})
		}
		start(&wait, func() {
			for k := 0; k < n; k++ {
				selectRecv(&c)
			}
		})
		wait.Wait()
	}
}

func selectBoth(capacity int) func(n int) {
	return func(n int) {
		c := fours(capacity)
		var wait sync.WaitGroup
		for i := 0; i < 4; i++ {
			start(&wait, func() {
				for k := 0; k < n/4; k++ {
					selectSend(&c)
				}
			})
			start(&wait, func() {
				for k := 0; k < n/4; k++ {
					selectRecv(&c)
				}
			})
		}
		wait.Wait()
	}
}

func all() {
	const elements = 4800
	measure("sendrecv-8", 4000, false, sendrecv[int64])
	measure("sendrecv-64", 4000, false, sendrecv[[64]byte])
	measure("sendrecv-1024", 4000, false, sendrecv[[1024]byte])
	measure("sendrecv-4096", 1000, false, sendrecv[[4096]byte])
	measure("ChanNonblocking", 4000, false, nonblocking)
	measure("ChanClosed", 4000, false, closed)
	measure("ChanUncontended", 4000, false, seq(100))
	measure("seq-1024", 4096, false, seq(1024))
	measure("SelectUncontended", 4000, false, selectUncontended)
	measure("pingpong-0", 2000, false, pingpong(0))
	measure("pingpong-16", 2000, false, pingpong(16))
	measureLast("ready-2", 400, ready2)
	measureLast("ready-8", 400, ready8)
	measure("make-0", 4000, false, creation(0))
	measure("make-16", 4000, false, creation(16))
	for _, capacity := range []int{0, 1, 1024} {
		name := func(s string) string { return fmt.Sprintf("%s-%d", s, capacity) }
		measure(name("spsc"), elements, true, crowd[int64](1, 1, capacity))
		measure(name("mpsc"), elements, true, crowd[int64](4, 1, capacity))
		measure(name("mpmc"), elements, true, crowd[int64](4, 4, capacity))
		measure(name("select_rx"), elements, true, selectRx(capacity))
		measure(name("select_both"), elements, true, selectBoth(capacity))
	}
	for _, capacity := range []int{0, 10, 100} {
		procs := runtime.GOMAXPROCS(0)
		measure(fmt.Sprintf("ChanProdCons%d", capacity), elements, true,
			crowd[int64](procs, procs, capacity))
	}
	measure("ChanContended", elements, true, each(1600, sendThenRecv))
	measure("ChanSem", elements, true, each(1, sendAndRecv))
	if runtime.NumCPU() > 1 {
		for _, n := range []int{2, 4, 8, 16} {
			measure(fmt.Sprintf("contenders-%d", n), elements, true,
				crowd[[64]byte](n/2, n/2, 1024))
		}
	}
}

func main() {
	fmt.Println("peer go Go's channels, in one process, with its compiler", runtime.Version())
	fmt.Println("peer go-threads the same, each goroutine locked to a thread")
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "bench-go: it takes no arguments")
		os.Exit(2)
	}
	all()
	threads = true
	all()
}

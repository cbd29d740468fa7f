// SPDX-License-Identifier: GPL-2.0

// What gobench.c measures, in Go: a line each, the key and nanoseconds per operation.
package main

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

const loops, samples = 4000, 21

// The system call: time.Now() may take another clock.
func now() int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

func measure(key string, fn func(n int)) {
	fn(loops)
	best := int64(1) << 62
	for i := 0; i < samples; i++ {
		begin := now()
		fn(loops)
		if t := now() - begin; t < best {
			best = t
		}
	}
	fmt.Printf("%s %.1f\n", key, float64(best)/loops)
}

func nothing() {}

func start(n int) {
	for i := 0; i < n; i++ {
		go nothing()
		runtime.Gosched()
	}
}

func yield(n int) {
	done := make(chan bool)
	go func() {
		for i := 0; i < n/2; i++ {
			runtime.Gosched()
		}
		close(done)
	}()
	for i := 0; i < n/2; i++ {
		runtime.Gosched()
	}
	<-done
}

func pingpong(n int) {
	there, back := make(chan int), make(chan int)
	go func() {
		for v := range there {
			back <- v
		}
		close(back)
	}()
	for i := 0; i < n; i++ {
		there <- i
		<-back
	}
	close(there)
	<-back
}

func buffered(n int) {
	c := make(chan int, 16)
	for i := 0; i < n; i++ {
		c <- i
		<-c
	}
}

func select2(n int) {
	a, b := make(chan int, 16), make(chan int, 16)
	for i := 0; i < n; i++ {
		a <- i
		select {
		case <-a:
		case <-b:
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	measure("start", start)
	measure("switch", yield)
	measure("pingpong", pingpong)
	measure("buffered", buffered)
	measure("select", select2)
}

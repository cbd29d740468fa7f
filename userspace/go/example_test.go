// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kchan"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func Example() {
	squares, err := kchan.Make[int](0)
	check(err)
	defer squares.Close()
	go func() {
		for i := 1; i <= 3; i++ {
			check(squares.Send(i * i))
		}
		check(squares.CloseChan())
	}()
	squares.Range(func(v int, err error) bool {
		check(err)
		fmt.Println(v)
		return true
	})
	// Output:
	// 1
	// 4
	// 9
}

func ExampleCreate() {
	// One process makes it, ...
	jobs, err := kchan.Create[string]("example-jobs", 16)
	check(err)
	defer jobs.Destroy(true)
	check(jobs.Send("sweep"))

	// ... another one opens it.
	in, err := kchan.OpenRecv[string]("example-jobs")
	check(err)
	defer in.Close()
	job, ok, err := in.Recv()
	fmt.Println(job, ok, err)

	_, err = kchan.Open[int32]("example-jobs")
	fmt.Println(err)
	// Output:
	// sweep true <nil>
	// kchan: open example-jobs: not a channel of int32: its elements are messages, string of up to 4096 bytes
}

func ExampleEncoding() {
	counts, err := kchan.Make[map[string]int](1, kchan.Encoding(kchan.Codec{
		Name: "json", Marshal: json.Marshal, Unmarshal: json.Unmarshal,
	}))
	check(err)
	defer counts.Close()
	check(counts.Send(map[string]int{"chan": 3, "go": 2}))
	v, _, err := counts.Recv()
	fmt.Println(v, err)
	// Output:
	// map[chan:3 go:2] <nil>
}

func ExampleSelect() {
	in, err := kchan.Make[string](1)
	check(err)
	defer in.Close()
	out, err := kchan.Make[int](0)
	check(err)
	defer out.Close()
	check(in.Send("hello"))

	var word string
	var ok bool
	switch i, err := kchan.Select(context.Background(),
		in.RecvCase(&word, &ok), // case word, ok = <-in:
		out.SendCase(1),         // case out <- 1:
	); i {
	case 0:
		fmt.Println("received", word, ok)
	case 1:
		fmt.Println("sent")
	default:
		fmt.Println(err)
	}
	// Output:
	// received hello true
}

func ExampleChan_Receiver() {
	c, err := kchan.Make[int](1)
	check(err)
	defer c.Close()
	check(c.Send(7))

	ctx, cancel := context.WithCancel(context.Background())
	r := c.Receiver(ctx)
	select {
	case v := <-r.C:
		fmt.Println(v)
	case <-time.After(time.Hour):
		fmt.Println("nothing came")
	}
	cancel()
	for v := range r.C { // at most one more
		fmt.Println(v)
	}
	fmt.Println(errors.Is(r.Err(), context.Canceled))
	// Output:
	// 7
	// true
}

func ExampleErrClosed() {
	c, err := kchan.Make[int](1)
	check(err)
	defer c.Close()
	check(c.CloseChan())
	fmt.Println(errors.Is(c.Send(1), kchan.ErrClosed))
	// Output:
	// true
}

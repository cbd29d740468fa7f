// SPDX-License-Identifier: LGPL-2.1-or-later

// Wordcount counts words, together with a shell that brings the text:
//
//	chanctl create --message 4096 --capacity 64 lines
//	wordcount lines 4 &
//	chanctl send --close lines < /usr/share/common-licenses/GPL-3
//	wait; chanctl rm lines
//
// Its goroutines receive lines, send counts on a channel without a name, and print what
// they have found, the most frequent first. Any number of such programs may share the lines.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"kchan"
)

type counts map[string]int

func main() {
	if len(os.Args) != 3 {
		usage()
	}
	workers, err := strconv.Atoi(os.Args[2])
	if err != nil || workers < 1 {
		usage()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	total, err := count(ctx, os.Args[1], workers)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wordcount:", err)
		os.Exit(1)
	}
	print(total)
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: wordcount CHANNEL WORKERS")
	os.Exit(2)
}

// count has workers count the lines that come from a channel.
func count(ctx context.Context, name string, workers int) (counts, error) {
	lines, err := kchan.OpenRecv[string](name)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	found, err := kchan.Make[counts](0, kchan.MaxMessage(1<<20), kchan.Encoding(kchan.Codec{
		Name: "json", Marshal: json.Marshal, Unmarshal: json.Unmarshal,
	}))
	if err != nil {
		return nil, err
	}
	defer found.Close()

	errs := make(chan error, workers)
	var working sync.WaitGroup
	for i := 0; i < workers; i++ {
		working.Add(1)
		go func() {
			defer working.Done()
			errs <- work(ctx, lines, found)
		}()
	}
	go func() {
		working.Wait()
		found.CloseChan()
	}()
	total, err := merge(found)
	for i := 0; i < workers && err == nil; i++ {
		err = <-errs
	}
	return total, err
}

// work counts the words of the lines that it gets.
func work(ctx context.Context, lines *kchan.RecvChan[string], found *kchan.Chan[counts]) error {
	mine := counts{}
	var failed error
	lines.RangeContext(ctx, func(line string, err error) bool {
		if failed = err; err == nil {
			for _, word := range words(line) {
				mine[word]++
			}
		}
		return true
	})
	if failed != nil {
		return failed
	}
	return found.Send(mine)
}

func words(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return !unicode.IsLetter(r) })
}

// merge adds what the workers have found.
func merge(found *kchan.Chan[counts]) (total counts, failed error) {
	total = counts{}
	found.Range(func(some counts, err error) bool {
		if failed = err; err == nil {
			for word, n := range some {
				total[word] += n
			}
		}
		return true
	})
	return total, failed
}

func print(total counts) {
	found := make([]string, 0, len(total))
	for word := range total {
		found = append(found, word)
	}
	sort.Slice(found, func(i, j int) bool {
		a, b := found[i], found[j]
		return total[a] > total[b] || total[a] == total[b] && a < b
	})
	for _, word := range found {
		fmt.Println(total[word], word)
	}
}

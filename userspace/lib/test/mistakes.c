// SPDX-License-Identifier: GPL-2.0
/*
 * What a compiler must refuse, one at a time, and with what message; and the same done
 * right, which it must take. With -DMISTAKE=N, mistake N is in.
 */
#include <gochan.h>

struct pair {
	int x, y;
};

struct huge {
	char bytes[CHAN_ELEM_SIZE_MAX + 1];
};

struct wide {
	char bytes[64];
} __attribute__((aligned(64)));

void takes_doubles(chan(double) doubles);
void takes_pair(struct pair *pair);
void takes_nothing(void);
int mistakes(chan(int) c, recv_chan(int) in, send_chan(int) out, chan(double) doubles,
	     chan(struct pair) pairs, chan(const char *) strings, chan(chan(int)) channels,
	     chan(struct wide) wide, struct chan *plain, void *anything);

int mistakes(chan(int) c, recv_chan(int) in, send_chan(int) out, chan(double) doubles,
	     chan(struct pair) pairs, chan(const char *) strings, chan(chan(int)) channels,
	     chan(struct wide) wide, struct chan *plain, void *anything)
{
	struct pair pair = { 1, 2 };
	const int constant = 5;
	recv_chan(uint64_t) timer;
	double d = 1;
	bool ok;
	int v = 0;

	/* Right. */
	v += chan_send(c, v) + chan_send(out, constant) + chan_send_n(c, &constant, 1);
	v += chan_recv(c, &v) + chan_recv(in, &v) + chan_recv_try(doubles, &d);
	in = recv_only(c);
	out = send_only(c);
	in = recv_only(in);
	go_send(pairs, pair);
	go_send(strings, "string");
	go_send(channels, c);
	takes_doubles(doubles);
	v += chan_narrow(&in, c, O_RDONLY) + chan_narrow(&in, in, O_RDONLY);
	v += chan_narrow(&plain, in, O_RDONLY) + chan_narrow(&plain, plain, O_RDONLY);
	v += chan_make(int, &c) + chan_open(int, &in, "name", O_RDONLY);
	v += chan_typed(int, &out, plain) + chan_after(&timer, 1) + chan_tick(&plain, 1);
	v += chan_close(out) + chan_close(plain) + chan_len(in) + chan_len(plain);
	timer = go_after(1);
	go_close(out);
	go_select {
		go_case_recv_ok(c, &v, &ok) {
			v += ok;
		}
		go_case_recv(timer, NULL) {
		}
		go_case_send(pairs, pair) {
		}
	}
	go_defer(takes_pair, &pair);

#if MISTAKE == 1	/* cannot send to receive-only channel */
	chan_send(in, 1);
#endif
#if MISTAKE == 2	/* cannot send to receive-only channel */
	chan_send_try(in, 1);
#endif
#if MISTAKE == 3	/* cannot send to receive-only channel */
	chan_send_timeout(in, 1, 1);
#endif
#if MISTAKE == 4	/* cannot send to receive-only channel */
	chan_send_n(in, &v, 1);
#endif
#if MISTAKE == 5	/* cannot send to receive-only channel */
	go_send(in, 1);
#endif
#if MISTAKE == 6	/* cannot send to receive-only channel */
	go_select { go_case_send(in, 1) { } }
#endif
#if MISTAKE == 7	/* cannot send to receive-only channel */
	out = send_only(in);
#endif
#if MISTAKE == 8	/* cannot receive from send-only channel */
	chan_recv(out, &v);
#endif
#if MISTAKE == 9	/* cannot receive from send-only channel */
	chan_recv_try(out, &v);
#endif
#if MISTAKE == 10	/* cannot receive from send-only channel */
	chan_recv_timeout(out, &v, 1);
#endif
#if MISTAKE == 11	/* cannot receive from send-only channel */
	chan_recv_n(out, &v, 1);
#endif
#if MISTAKE == 12	/* cannot receive from send-only channel */
	v = go_recv(out);
#endif
#if MISTAKE == 13	/* cannot receive from send-only channel */
	v = go_recv_ok(out, &v);
#endif
#if MISTAKE == 14	/* cannot receive from send-only channel */
	go_range(w, out) v = w;
#endif
#if MISTAKE == 15	/* cannot receive from send-only channel */
	go_select { go_case_recv(out, &v) { } }
#endif
#if MISTAKE == 16	/* cannot receive from send-only channel */
	in = recv_only(out);
#endif
#if MISTAKE == 17	/* cannot close receive-only channel */
	chan_close(in);
#endif
#if MISTAKE == 18	/* cannot close receive-only channel */
	go_close(in);
#endif
#if MISTAKE == 19	/* of another type or of more directions */
	chan_narrow(&c, in, O_RDWR);
#endif
#if MISTAKE == 20	/* of another type or of more directions */
	chan_narrow(&out, in, O_WRONLY);
#endif
#if MISTAKE == 21	/* of another type or of more directions */
	chan_narrow(&doubles, c, O_RDWR);
#endif
#if MISTAKE == 22	/* of another type or of more directions */
	chan_narrow(&c, plain, O_RDWR);
#endif
#if MISTAKE == 23	/* incompatible|invalid initializer|initializing */
	chan_send(c, pair);
#endif
#if MISTAKE == 24	/* incompatible|invalid initializer|initializing */
	go_send(c, pair);
#endif
#if MISTAKE == 25	/* incompatible|invalid initializer|initializing */
	go_send(pairs, 1);
#endif
#if MISTAKE == 26	/* incompatible|assigning */
	go_select { go_case_send(c, pair) { } }
#endif
#if MISTAKE == 27	/* incompatible */
	go_send(strings, &v);
#endif
#if MISTAKE == 28	/* incompatible */
	go_select { go_case_send(strings, &v) { } }
#endif
#if MISTAKE == 29	/* pointer to another type */
	chan_recv(c, &d);
#endif
#if MISTAKE == 30	/* pointer to another type */
	chan_recv_try(c, &d);
#endif
#if MISTAKE == 31	/* pointer to another type */
	chan_recv_timeout(c, anything, 1);
#endif
#if MISTAKE == 32	/* pointer to another type */
	chan_recv(c, &constant);
#endif
#if MISTAKE == 33	/* pointer to another type */
	chan_recv_n(c, &d, 1);
#endif
#if MISTAKE == 34	/* pointer to another type */
	chan_send_n(c, &d, 1);
#endif
#if MISTAKE == 35	/* pointer to another type */
	go_recv_ok(c, &d);
#endif
#if MISTAKE == 36	/* pointer to another type */
	go_select { go_case_recv(c, &d) { } }
#endif
#if MISTAKE == 37	/* pointer to another type */
	go_select { go_case_recv_ok(c, &d, &ok) { } }
#endif
#if MISTAKE == 38	/* incompatible */
	go_select { go_case_recv_ok(c, &v, &d) { } }
#endif
#if MISTAKE == 39	/* incompatible */
	c = doubles;
#endif
#if MISTAKE == 40	/* incompatible */
	c = in;
#endif
#if MISTAKE == 41	/* incompatible */
	c = out;
#endif
#if MISTAKE == 42	/* incompatible */
	in = c;
#endif
#if MISTAKE == 43	/* incompatible */
	in = out;
#endif
#if MISTAKE == 44	/* incompatible */
	c = recv_only(c);
#endif
#if MISTAKE == 45	/* incompatible */
	c = go_make(double);
#endif
#if MISTAKE == 46	/* incompatible */
	in = go_after(1);
#endif
#if MISTAKE == 47	/* incompatible */
	c = go_open(unsigned int, "name", O_RDWR);
#endif
#if MISTAKE == 48	/* incompatible */
	doubles = chan_ref(c);
#endif
#if MISTAKE == 49	/* incompatible */
	c = plain;
#endif
#if MISTAKE == 50	/* incompatible */
	takes_doubles(c);
#endif
#if MISTAKE == 51	/* incompatible */
	takes_doubles(go_make(int));
#endif
#if MISTAKE == 52	/* incompatible */
	go_send(channels, doubles);
#endif
#if MISTAKE == 53	/* incompatible|pointer to another type */
	chan_make(int, &doubles);
#endif
#if MISTAKE == 54	/* incompatible|pointer to another type */
	chan_make(int, &in);
#endif
#if MISTAKE == 55	/* not a channel of this type */
	chan_open(int, &doubles, "name", O_RDWR);
#endif
#if MISTAKE == 56	/* not a channel of this type */
	chan_open(int, &plain, "name", O_RDWR);
#endif
#if MISTAKE == 57	/* not a channel of this type */
	chan_typed(int, &doubles, plain);
#endif
#if MISTAKE == 58	/* incompatible */
	chan_typed(int, &c, doubles);
#endif
#if MISTAKE == 59	/* invalid type argument|indirection */
	chan_len(&v);
#endif
#if MISTAKE == 60	/* invalid type argument|indirection */
	chan_unref(v);
#endif
#if MISTAKE == 61	/* incomplete element type */
	(void)chan_handle(&plain);
#endif
#if MISTAKE == 62	/* a timer is a */
	chan_after(&c, 1);
#endif
#if MISTAKE == 63	/* a timer is a */
	chan_tick(&in, 1);
#endif
#if MISTAKE == 64	/* channel element type too large */
	(void)go_make(struct huge);
#endif
#if MISTAKE == 65	/* takes a type and a capacity */
	(void)go_make(int, 1, 2);
#endif
#if MISTAKE == 66	/* more than 16 bytes of alignment */
	go_select { go_case_send(wide, *(struct wide *)anything) { } }
#endif
#if MISTAKE == 67	/* incompatible */
	go_defer(takes_pair, &v);
#endif
#if MISTAKE == 68	/* too many arguments */
	go_defer(takes_nothing, &v);
#endif
#if MISTAKE == 69	/* libchan_select */
	go_case_recv(c, &v) { }
#endif
	(void)wide;
	(void)anything;
	return v;
}

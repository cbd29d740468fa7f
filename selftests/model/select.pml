/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model of the claim protocol of select, which core.h describes, for the model checker
 * spin: it goes through every order in which the steps of a few calls can happen.
 * selftests/model/run makes and runs it, once for each configuration below.
 *
 * WHAT IS MODELLED
 *
 * A channel C[c] has its lock, the ring with what was returned in front (buf, nr,
 * nr_returned), its queues q[RECEIVERS] and q[SENDERS], closed, sent, and both counters of
 * events. A party P[p] is a call: a plain one, of one operation, or a select of two. Each
 * of them runs once, as call():
 *
 *	here				kmod
 *	PASS_1, peek			chan_choice_try(), chan_looks_ready()
 *	collect, COLLECTS		chan_choice_default(), CHAN_COLLECTS
 *	PASS_2				chan_choice_enqueue()
 *	published			chan_hold.me is set
 *	look_to_settle(), SETTLE	chan_settle(), first and after an operation
 *	look_for_me(), walk()		chan_begin_send() and chan_begin_recv(), chan_find_peer()
 *	whom_to_lock(), claim()		chan_claim_both(), chan_claim(), chan_claim_self()
 *	LOST, STALE, TAKEN		CHAN_CLAIM_LOST, CHAN_CLAIM_STALE, CHAN_CLAIM_DONE
 *	move(), fire()			the commits, chan_fire()
 *	"enough for one hold"		-EBUSY, chan_hold.unsettled
 *	withdraw			chan_choice_withdraw(), chan_cancel()
 *	leave				chan_choice_leave(), chan_forget()
 *	put_back()			chan_return_elem()
 *	closer(), flush()		chan_close(), chan_flush()
 *
 * PENDING, FIRED and CANCELLED, several, tries, winner are those of struct chan_party; its
 * address is its number. A select with a default is one with the flag TRIES, so is a
 * non-blocking plain call, and so is a default beside one case. CUT stands for whatever
 * withdraws a party: a deadline, a signal, DISARM, the release of a selector. KILLED
 * stands for whatever makes a receiver fail once it has its element.
 *
 * WHAT IS ONE STEP
 *
 * To take a lock is a step, or the first part of one. What follows under it is in the same
 * step as far as nobody can see it without that lock: until the next lock is taken, or
 * somebody is fired, who may see that at once. So after each fire() the locks are still
 * held, and are given up in another step. What is read without a lock (the ring and
 * the queues in a peek, one's own state) is a step of its own. Where one hold does two
 * things that others may see apart without the lock, such as to take an element and then
 * to let a sender in, these are two steps.
 *
 * WHAT IS ASSERTED
 *
 * Of each party at most one operation is done, by whomever. Nobody touches the memory of a
 * party that has gone (alive). Nobody overtakes who is parked. Returned elements go in
 * front of the ring, in order. And when nothing moves any more, check(): each call has ended
 * or sleeps, so there was no deadlock; who sleeps has a place in a queue, and nobody else
 * has; no two sleep who could serve each other; each element whose send was
 * acknowledged was received once or is in the channel, and no other. A call that can't
 * be cut short and may wait ends with an operation done. A default that is wrong is an
 * error in RACE..., one that isn't taken in TRIES_ONLY.
 *
 * WHAT IS LEFT OUT
 *
 * The order in which memory is seen: each step is seen by all at once; the thread sanitizer
 * looks for that (selftests/unit). Wake-ups: a sleeper sees that it was fired; that its
 * task is still there is the FIRED argument of core.h. Contents, messages, elements by
 * reference. poll. Hangup, which is half a close. Handles that stand by, which are plain
 * parties. Selects of over two cases, capacities over one, selects in a loop. That a hold
 * stops after so many wake-ups or stale waiters: here it may stop after any that leave it
 * something to do. Fairness, and that the choice is as likely for each case.
 *
 * FIGURES
 *
 * All of it takes half a minute of two idle cores, and 2 GiB at most. A state has 124 to
 * 312 bytes. These are the states; without partial order reduction (-DNOREDUCE) they are
 * up to eight times as many, with the same results.
 *
 *	CROSS                   11,192      TRIES_ONLY              31,793
 *	CROSS_RING               3,846      TRIES_ONLY,QUEUED       60,325
 *	SAME                 1,659,798      TRIES_MIXED          2,518,678
 *	SAME_RING               41,122      RACE                     8,304
 *	CYCLE                1,103,180      RACE_CLOSE              14,102
 *	PLAIN                   18,697      RACE_RETURN              6,602
 *	PLAIN_RING              65,254      RACE_SENDERS            20,775
 *	RING_FULL              455,952      RACE_SELECTS           216,233
 *	PAIRS                3,532,736      RACE_ROOM               41,179
 *	CANCEL                 473,212      RACE,QUEUED              6,018
 *	CANCEL_RING            166,126      RACE_CLOSE,QUEUED       10,102
 *	CLOSE                2,883,753      RACE_RETURN,QUEUED       4,733
 *	CLOSE_FULL             964,098      RACE_SENDERS,QUEUED     15,566
 *	KILL                 1,996,338      RACE_SELECTS,QUEUED    166,598
 *	KILL_ORDER             959,244      RACE_ROOM,QUEUED        25,532
 *	KILL_CLOSE             393,452
 */

/*
 * The configurations: PARTIES and CHANS, how many there are; CAPS, a bit for each channel,
 * its capacity; FULL, a bit for each ring that is full at first; GENS, if generations
 * matter, and RETURNS, if elements are returned; start(), which starts everybody; and
 * finish(), what must be so when nothing moves any more, beside what check() says.
 */
#if defined(CROSS)		/* crosswise */
#define PARTIES	2
#define CHANS	2
#define start()	\
	run call(0, SEND(0), RECV(1), 0);	\
	run call(1, RECV(0), SEND(1), 0)
#define finish() assert(P[0].where == DONE && P[1].where == DONE)

#elif defined(CROSS_RING)	/* the same, with one of the channels buffered */
#define PARTIES	2
#define CHANS	2
#define CAPS	1
#define start()	\
	run call(0, SEND(0), RECV(1), 0);	\
	run call(1, RECV(0), SEND(1), 0)
#define finish() assert(P[0].where == DONE && P[1].where == DONE)

#elif defined(SAME)		/* everybody sends and receives in one channel */
#define PARTIES	3
#define CHANS	1
#define start()	\
	run call(0, SEND(0), RECV(0), 0);	\
	run call(1, RECV(0), SEND(0), 0);	\
	run call(2, SEND(0), RECV(0), 0)
#define finish() assert((P[0].where == DONE) + (P[1].where == DONE) + (P[2].where == DONE) == 2)

#elif defined(SAME_RING)	/* the same in a buffered one, and somebody takes what is left */
#define PARTIES	3
#define CHANS	1
#define CAPS	1
#define start()	\
	run call(0, SEND(0), RECV(0), 0);	\
	run call(1, RECV(0), SEND(0), 0);	\
	run call(2, RECV(0), NOOP, 0)

#elif defined(CYCLE)		/* a cycle of three */
#define PARTIES	3
#define CHANS	3
#define start()	\
	run call(0, SEND(0), RECV(2), 0);	\
	run call(1, SEND(1), RECV(0), 0);	\
	run call(2, SEND(2), RECV(1), 0)
#define finish() assert((P[0].where == DONE) + (P[1].where == DONE) + (P[2].where == DONE) == 2)

#elif defined(PLAIN)		/* against plain calls */
#define PARTIES	3
#define CHANS	2
#define start()	\
	run call(0, SEND(0), RECV(1), 0);	\
	run call(1, RECV(0), NOOP, 0);		\
	run call(2, SEND(1), NOOP, 0)
#define finish() assert(P[0].where == DONE)

#elif defined(PLAIN_RING)	/* the same, buffered */
#define PARTIES	4
#define CHANS	2
#define CAPS	3
#define start()	\
	run call(0, SEND(0), RECV(1), 0);	\
	run call(1, RECV(0), NOOP, 0);		\
	run call(2, SEND(1), NOOP, 0);		\
	run call(3, SEND(1), NOOP, 0)
#define finish() assert(P[0].where == DONE)

#elif defined(RING_FULL)	/* selects park at a full ring, a receive lets one in */
#define PARTIES	4
#define CHANS	2
#define CAPS	1
#define FULL	1
#define start()	\
	run call(0, SEND(0), SEND(1), 0);	\
	run call(1, SEND(0), NOOP, 0);		\
	run call(2, RECV(0), NOOP, 0);		\
	run call(3, RECV(1), NOOP, 0)

#elif defined(PAIRS)		/* two selects want the same two plain calls */
#define PARTIES	4
#define CHANS	2
#define start()	\
	run call(0, RECV(0), RECV(1), 0);	\
	run call(1, RECV(1), RECV(0), 0);	\
	run call(2, SEND(0), NOOP, 0);		\
	run call(3, SEND(1), NOOP, 0)
#define finish() assert(P[0].where == DONE && P[1].where == DONE)

#elif defined(CANCEL)		/* cut short at any time */
#define PARTIES	3
#define CHANS	2
#define start()	\
	run call(0, SEND(0), RECV(1), CUT);	\
	run call(1, RECV(0), SEND(1), CUT);	\
	run call(2, RECV(0), NOOP, CUT)

#elif defined(CANCEL_RING)	/* the same, at a full ring */
#define PARTIES	3
#define CHANS	2
#define CAPS	1
#define FULL	1
#define start()	\
	run call(0, SEND(0), RECV(1), CUT);	\
	run call(1, RECV(0), SEND(1), CUT);	\
	run call(2, SEND(0), NOOP, CUT)

#elif defined(CLOSE)		/* a close comes between */
#define PARTIES	3
#define CHANS	2
#define start()	\
	run call(0, SEND(0), RECV(1), 0);	\
	run call(1, RECV(0), SEND(1), 0);	\
	run call(2, RECV(0), NOOP, 0);		\
	run closer(0)
#define finish() assert(P[0].where == DONE && P[1].where == DONE && P[2].where == DONE)

#elif defined(CLOSE_FULL)	/* senders are parked when it closes; the ring is drained */
#define PARTIES	3
#define CHANS	2
#define CAPS	1
#define FULL	1
#define start()	\
	run call(0, SEND(0), SEND(1), 0);	\
	run call(1, SEND(0), NOOP, 0);		\
	run call(2, RECV(0), RECV(1), 0);	\
	run closer(0)
#define finish() assert(P[0].where == DONE && P[1].where == DONE && P[2].where == DONE)

#elif defined(KILL)		/* who is killed returns what it received */
#define PARTIES	4
#define CHANS	2
#define RETURNS
#define start()	\
	run call(0, RECV(0), RECV(1), KILLED);	\
	run call(1, RECV(0), NOOP, KILLED);	\
	run call(2, SEND(0), SEND(1), 0);	\
	run call(3, RECV(1), NOOP, 0)

#elif defined(KILL_ORDER)	/* two return; what is left is received in order */
#define PARTIES	4
#define CHANS	1
#define CAPS	1
#define FULL	1
#define RETURNS
#define start()	\
	run call(0, RECV(0), NOOP, KILLED);	\
	run call(1, RECV(0), NOOP, KILLED);	\
	run call(2, SEND(0), NOOP, 0);		\
	run call(3, SEND(0), NOOP, CUT)

#elif defined(KILL_CLOSE)	/* what is returned to a closed channel is received */
#define PARTIES	3
#define CHANS	2
#define RETURNS
#define start()	\
	run call(0, RECV(0), RECV(1), KILLED);	\
	run call(1, SEND(0), NOOP, 0);		\
	run call(2, RECV(0), NOOP, 0);		\
	run closer(0)
#define finish() assert(P[1].where == DONE && P[2].where == DONE)

/*
 * The default at one instant: call 0 has one, and it would be wrong at any time, for of
 * its two channels one is always ready. First it is channel 0; before that isn't any more,
 * channel 1 is; and so to and fro. At the first turn the first pass may miss both, at
 * the next one the second pass, but for the generations.
 */
#elif defined(RACE)		/* to and fro by elements; Go's TestNonblockSelectRace */
#define PARTIES	5
#define CHANS	2
#define CAPS	3
#define FULL	1
#define GENS
#define start()	\
	run call(0, RECV(0), RECV(1), TRIES | NEVER);	\
	run call(1, SEND(1), NOOP, 0);			\
	P[1].where == DONE;				\
	run call(2, RECV(0), NOOP, TRIES);		\
	P[2].where == DONE;				\
	run call(3, SEND(0), NOOP, 0);			\
	P[3].where == DONE;				\
	run call(4, RECV(1), NOOP, TRIES)

#elif defined(RACE_CLOSE)	/* fro by a close; Go's TestNonblockSelectRace2 */
#define PARTIES	4
#define CHANS	2
#define CAPS	3
#define FULL	1
#define GENS
#define start()	\
	run call(0, RECV(0), RECV(1), TRIES | NEVER);	\
	run call(1, SEND(1), NOOP, 0);			\
	P[1].where == DONE;				\
	run call(2, RECV(0), NOOP, TRIES);		\
	P[2].where == DONE;				\
	run closer(0);					\
	C[0].closed;					\
	run call(3, RECV(1), NOOP, TRIES)

#elif defined(RACE_RETURN)	/* fro by an element that is returned */
#define PARTIES	4
#define CHANS	2
#define CAPS	3
#define FULL	1
#define RETURNS
#define GENS
#define start()	\
	run call(0, RECV(0), RECV(1), TRIES | NEVER);		\
	run call(1, SEND(1), NOOP, 0);				\
	P[1].where == DONE;					\
	run call(2, RECV(0), NOOP, TRIES | KILLED | TOLD);	\
	P[2].where == HOLDING || P[2].where == DONE;		\
	P[2].told = true;					\
	P[2].where == DONE;					\
	run call(3, RECV(1), NOOP, TRIES)

#elif defined(RACE_SENDERS)	/* by parked senders, plain calls that are cut short */
#define PARTIES	4
#define CHANS	2
#define GENS
#define start()	\
	run call(1, SEND(0), NOOP, CUT | TOLD);		\
	P[1].where == SLEEPING;				\
	run call(0, RECV(0), RECV(1), TRIES | NEVER);	\
	run call(2, SEND(1), NOOP, CUT | TOLD);		\
	P[2].where == SLEEPING || P[2].where == DONE;	\
	P[1].told = true;				\
	P[1].where == DONE;				\
	run call(3, SEND(0), NOOP, 0);			\
	P[3].where == SLEEPING || P[3].where == DONE;	\
	P[2].told = true

#elif defined(RACE_SELECTS)	/* the same, by selects */
#define PARTIES	4
#define CHANS	3
#define GENS
#define start()	\
	run call(1, SEND(0), SEND(2), CUT | TOLD);	\
	P[1].where == SLEEPING;				\
	run call(0, RECV(0), RECV(1), TRIES | NEVER);	\
	run call(2, SEND(2), SEND(1), CUT | TOLD);	\
	P[2].where == SLEEPING || P[2].where == DONE;	\
	P[1].told = true;				\
	P[1].where == DONE;				\
	run call(3, SEND(0), SEND(2), 0);		\
	P[3].where == SLEEPING || P[3].where == DONE;	\
	P[2].told = true

#elif defined(RACE_ROOM)	/* to send: by room, and by parked receivers; another turn */
#define PARTIES	6
#define CHANS	2
#define CAPS	1
#define GENS
#define start()	\
	run call(0, SEND(0), SEND(1), TRIES | NEVER);	\
	run call(1, RECV(1), NOOP, CUT | TOLD);		\
	P[1].where == SLEEPING || P[1].where == DONE;	\
	run call(2, SEND(0), NOOP, TRIES);		\
	P[2].where == DONE;				\
	run call(3, RECV(0), NOOP, TRIES);		\
	P[3].where == DONE;				\
	P[1].told = true;				\
	P[1].where == DONE;				\
	run call(4, RECV(1), NOOP, 0);			\
	P[4].where == SLEEPING || P[4].where == DONE;	\
	run call(5, SEND(0), NOOP, TRIES)

#elif defined(TRIES_ONLY)	/* calls that won't wait never meet */
#define PARTIES	3
#define CHANS	2
#define GENS
#define start()	\
	run call(0, SEND(0), RECV(1), TRIES | ALWAYS);	\
	run call(1, RECV(0), SEND(1), TRIES | ALWAYS);	\
	run call(2, RECV(0), NOOP, TRIES | ALWAYS)

#elif defined(TRIES_MIXED)	/* but they meet one that waits */
#define PARTIES	3
#define CHANS	2
#define GENS
#define start()	\
	run call(0, SEND(0), RECV(1), TRIES);	\
	run call(1, RECV(0), SEND(1), TRIES);	\
	run call(2, RECV(0), SEND(1), CUT)

#else
#error "which configuration?"
#endif

#ifndef CAPS
#define CAPS	0
#endif
#ifndef FULL
#define FULL	0
#endif
#ifndef finish
#define finish() skip
#endif
#ifdef QUEUED
#define COLLECTS	0
#else
#define COLLECTS	1	/* in the code it is 4 */
#endif

/* An operation: a channel, and which queue of it the call waits in. */
#define RECEIVERS	0
#define SENDERS		1
#define RECV(c)		((c) * 2 + RECEIVERS)
#define SEND(c)		((c) * 2 + SENDERS)
#define NOOP		255

/* Flags of a call. */
#define TRIES	1	/* it won't wait: nonblocking, or a select with a default */
#define CUT	2	/* a deadline, a signal, a disarm may come at any time */
#define KILLED	4	/* what it receives it may fail to deliver */
#define TOLD	8	/* that comes when it is told, and then for certain */
#define NEVER	16	/* the default would be wrong */
#define ALWAYS	32	/* all but the default would be wrong */

/* Where a call is. */
#define RUNNING		0
#define SLEEPING	1
#define HOLDING		2
#define DONE		3

/* States of a party. */
#define PENDING		0
#define FIRED		1
#define CANCELLED	2

/* A waiter is the case of a party, and so is the element that it sends. */
#define WAITERS		(PARTIES * 2)
#define WAITER(p, i)	((p) * 2 + (i))
#define PARTY(w)	((w) / 2)
#define NOBODY		255

/* After them, the elements that are in the rings at first: one for each channel. */
#define ELEMS		(WAITERS + CHANS)

typedef queue {
	byte n;
	byte w[WAITERS];
}

typedef channel {
	bit lock;
	bit closed;
	byte nr;		/* the ring, and what was returned */
	byte nr_returned;
	byte buf[3];		/* the oldest first */
	queue q[2];
#ifdef GENS
	byte rx_events;
	byte tx_events;
#endif
#if defined(GENS) || defined(RETURNS)
	byte sent;
#endif
}

typedef party {
	byte state;
	bit lock;
	bit several;
	bit tries;
	byte winner;
	bit ok;			/* the result: of a send 1 or -EPIPE, of a receive 1 or 0 */
	byte got;
	/* What the code doesn't have, but the model asks. */
	byte where;
	bit told;
	bit alive;		/* its memory is there */
	bit committed;
}

channel C[CHANS];
party P[PARTIES];
bit acked[ELEMS];
bit received[ELEMS];
#ifdef RETURNS
byte seq[ELEMS];
#endif
hidden byte t, u;

#define CAP(c)		((CAPS >> (c)) & 1)
#define has_room(c)	(C[c].nr < CAP(c))
#define rx_gen(c)	(C[c].sent + C[c].rx_events)
#define tx_gen(c)	(C[c].sent - C[c].nr + C[c].tx_events)

#ifdef GENS
#define bump_rx(c)	C[c].rx_events++
#define bump_tx(c)	C[c].tx_events++
#else
#define bump_rx(c)	skip
#define bump_tx(c)	skip
#endif

/* How a call came to look into a channel. */
#define PLAIN_CALL	0
#define PASS_1		1	/* a select that is not enqueued anywhere */
#define PASS_2		2	/* one that is, or may be */
#define SETTLE		3	/* it has taken or returned: who is parked may be served now */
#define OVER		4	/* after any other operation */
#define published	(why == PASS_2)

/* What it got. */
#define LOST		1	/* it was fired elsewhere */
#define STALE		2	/* the peer waits no more: look again */
#define TAKEN		3

#define mine		WAITER(me, i)
#define op(i)		((i) == 0 -> op0 : op1)

/* The next case in the order. */
inline pick()
{
	i = (swapped -> 1 - n : n);
	c = op(i) / 2;
	d = op(i) % 2
}

/*
 * The rules, and how each is broken.
 */

/* A select that is enqueued claims itself too. */
#if defined(BREAK_BOTH)
#define checks_me	(published && !settling)
#define claims_me	(published && !settling && peer == NOBODY)
#elif defined(BREAK_SELF)
#define checks_me	(published && !settling && peer != NOBODY)
#define claims_me	checks_me
#else
#define checks_me	(published && !settling)
#define claims_me	checks_me
#endif

/* Without both locks what is checked may have changed when it is taken. */
#ifdef BREAK_BOTH
#define take_at_once()	skip
#else
#define take_at_once()	take()
#endif

/* A peer that waits no more isn't taken. */
#ifdef BREAK_STALE
#define checks_peer	false
#else
#define checks_peer	true
#endif

/* Two parties are locked in the order of their addresses. */
#ifdef BREAK_ADDRESS
#define first(a, b)	(a)
#define second(a, b)	(b)
#else
#define first(a, b)	((a) < (b) -> (a) : (b))
#define second(a, b)	((a) < (b) -> (b) : (a))
#endif

/* Nobody is his own peer, and two that won't wait never meet. */
#ifdef BREAK_OWN
#define is_own(p, who)	false
#else
#define is_own(p, who)	((p) == (who))
#endif
#ifdef BREAK_TRIES
#define skips_try(p, try)	false
#else
#define skips_try(p, try)	((try) && P[p].tries)
#endif

/* Who is enqueued looks first, in the same hold. */
#ifdef BREAK_LOOK
#define looks		(!published)
#else
#define looks		true
#endif

/* The events that are counted. */
#ifdef BREAK_PARK
#define park_rx(c)	skip
#define park_tx(c)	skip
#else
#define park_rx(c)	bump_rx(c)
#define park_tx(c)	bump_tx(c)
#endif
#ifdef BREAK_RETURN
#define back_rx(c)	skip
#else
#define back_rx(c)	bump_rx(c)
#endif
#ifdef BREAK_CLOSE
#define close_rx(c)	skip
#else
#define close_rx(c)	bump_rx(c)
#endif

/* If the generations have changed nothing is said. */
#ifdef BREAK_COMPARE
#define is_changed	(rounds == 0)
#else
#define is_changed	changed
#endif

/* Who leaves takes each channel's lock, and its waiter off the queue. */
#ifdef BREAK_UNLINK
#define leaves		false
#else
#define leaves		true
#endif
#ifdef BREAK_WAIT
#define waits		false
#else
#define waits		true
#endif
#ifdef BREAK_WINNER
#define leaves_from(w)	(P[me].state != FIRED || P[me].winner != (w))
#else
#define leaves_from(w)	true
#endif

/* What a hold has left to be settled comes before a call's own operation. */
#ifdef BREAK_SETTLE
#define settles		(why == SETTLE)
#else
#define settles		true
#endif

/* An element gets its number. */
inline number(_c, _e)
{
#ifdef RETURNS
	seq[_e] = C[_c].sent;
#endif
#if defined(GENS) || defined(RETURNS)
	C[_c].sent++
#else
	skip
#endif
}

inline push(_c, _e)
{
	C[_c].buf[C[_c].nr] = _e;
	C[_c].nr++;
	assert(C[_c].nr <= CAP(_c));
	number(_c, _e)
}

/* The oldest, which is a returned one if there is any. */
inline pop(_c, _into)
{
	assert(C[_c].nr);
	_into = C[_c].buf[0];
	C[_c].nr--;
	C[_c].nr_returned = C[_c].nr_returned - (C[_c].nr_returned > 0);
	t = 0;
	do
	:: t < C[_c].nr ->
		C[_c].buf[t] = C[_c].buf[t + 1];
		t++
	:: else ->
		break
	od;
	C[_c].buf[t] = 0
}

#ifdef RETURNS
/* In its place by number, which is before all that is in the ring. */
inline put_back(_c, _e)
{
	t = C[_c].nr;
	do
	:: t > 0 && seq[C[_c].buf[t - 1]] > seq[_e] ->
		C[_c].buf[t] = C[_c].buf[t - 1];
		t--
	:: else ->
		break
	od;
	assert(t <= C[_c].nr_returned);
	C[_c].buf[t] = _e;
	C[_c].nr++;
	C[_c].nr_returned++
}
#endif

inline unlink(_c, _d, _at)
{
	t = _at;
	C[_c].q[_d].n--;
	do
	:: t < C[_c].q[_d].n ->
		C[_c].q[_d].w[t] = C[_c].q[_d].w[t + 1];
		t++
	:: else ->
		break
	od;
	C[_c].q[_d].w[t] = 0
}

/* Where in a queue a waiter is, or at its end if it isn't: u. */
inline find(_c, _d, _w)
{
	u = 0;
	do
	:: u < C[_c].q[_d].n && C[_c].q[_d].w[u] != _w ->
		u++
	:: else ->
		break
	od
}

#define found(c, d)	(u < C[c].q[d].n)

/* From the head of a queue to the first that isn't skipped: the peer, at u. */
inline walk(_c, _d, _me, _try)
{
	u = 0;
	peer = NOBODY;
	do
	:: u == C[_c].q[_d].n ->
		break
	:: else ->
		t = PARTY(C[_c].q[_d].w[u]);
		assert(P[t].alive);
		if
		:: is_own(t, _me) || skips_try(t, _try) ->
			u++
		:: else ->
			peer = C[_c].q[_d].w[u];
			break
		fi
	od
}

/* An operation was done for a party: exactly one. */
inline commit(_w, _ok)
{
	P[PARTY(_w)].winner = _w;
	P[PARTY(_w)].ok = _ok;
	assert(!P[PARTY(_w)].committed);
	P[PARTY(_w)].committed = true
}

/* Complete the party of the peer. The memory of a plain one may be gone from here. */
inline fire(_c, _d, _ok)
{
	assert(P[PARTY(peer)].alive);
	find(_c, _d, peer);
	assert(found(_c, _d));
	unlink(_c, _d, u);
	commit(peer, _ok);
	P[PARTY(peer)].state = FIRED
}

inline lock_party(_p)
{
	assert(P[_p].alive && !P[_p].lock);
	P[_p].lock = 1
}

inline unlock_party(_p)
{
	assert(P[_p].alive && P[_p].lock);
	P[_p].lock = 0
}

/*
 * The party that must be locked to take the peer: its own, if it has one. And beside it
 * the caller's, if that is enqueued elsewhere. lock_1 and lock_2 are the two in their
 * order; if it is one, lock_2.
 */
inline whom_to_lock()
{
	claimed = NOBODY;
	lock_1 = NOBODY;
	lock_2 = NOBODY;
	if
	:: peer != NOBODY && P[PARTY(peer)].several ->
		claimed = PARTY(peer);
		lock_2 = claimed
	:: else
	fi;
	if
	:: ready && claims_me && claimed != NOBODY ->
		lock_1 = first(me, claimed);
		lock_2 = second(me, claimed)
	:: ready && claims_me && claimed == NOBODY ->
		lock_2 = me
	:: else
	fi
}

/*
 * Is somebody parked who is to be served? It is so after an operation that has made it
 * so; and before one, if another hold has left it so: that comes first.
 */
inline look_to_settle()
{
	peer = NOBODY;
	if
	:: C[c].nr ->
		from = RECEIVERS;
		walk(c, RECEIVERS, NOBODY, false)
	:: else
	fi;
	if
	:: peer == NOBODY && has_room(c) && !C[c].closed ->
		from = SENDERS;
		walk(c, SENDERS, NOBODY, false)
	:: else
	fi;
	settling = (peer != NOBODY);
	ready = settling
}

/* Can the call's own operation be done? */
inline look_for_me()
{
	from = 1 - d;
	if
	:: d == SENDERS && !C[c].closed ->
		walk(c, from, me, tries && !has_room(c));
		ready = (peer != NOBODY || has_room(c))
	:: d == RECEIVERS && !C[c].closed && !C[c].nr ->
		walk(c, from, me, tries);
		ready = (peer != NOBODY)
	:: else ->
		ready = true
	fi;
	ready = ready && looks
}

/* What is to be done in this hold? Look at the ring and at the queues. */
inline look()
{
	if
	:: !settles || why == OVER || (why != SETTLE && d == SENDERS && C[c].closed) ->
		peer = NOBODY;
		settling = false;
		ready = false
	:: else ->
		look_to_settle()
	fi;
	if
	:: !settling && why < SETTLE ->
		look_for_me()
	:: else
	fi;
	whom_to_lock()
}

/* Serve a parked call. */
inline serve()
{
	if
	:: from == SENDERS ->
		push(c, peer)
	:: from == RECEIVERS ->
		pop(c, P[PARTY(peer)].got)
	fi;
	fire(c, from, true)
}

/* The call's own operation. */
inline move()
{
	if
	:: peer != NOBODY && d == SENDERS ->
		number(c, mine);
		P[PARTY(peer)].got = mine;
		commit(mine, true);
		fire(c, from, true)
	:: peer != NOBODY && d == RECEIVERS ->
		number(c, peer);
		P[me].got = peer;
		commit(mine, true);
		fire(c, from, true)
	:: peer == NOBODY && d == SENDERS && !C[c].closed ->
		assert(!C[c].q[SENDERS].n);	/* nobody is overtaken */
		push(c, mine);
		commit(mine, true)
	:: peer == NOBODY && d == RECEIVERS && C[c].nr ->
		assert(!C[c].q[RECEIVERS].n);
		pop(c, P[me].got);
		commit(mine, true);
		why = SETTLE
	:: else ->
		commit(mine, false)
	fi;
	why = (why == SETTLE -> SETTLE : OVER)
}

/* Claimed: whoever else would have it finds that it is too late. */
inline take()
{
	if
	:: settling ->
		serve()
	:: else ->
		if
		:: published ->
			P[me].state = FIRED;
			if
			:: lock_1 == me || lock_2 == me ->
				unlock_party(me)
			:: else
			fi
		:: else
		fi;
		move()
	fi
}

inline unlock_both()
{
	if
	:: lock_1 != NOBODY ->
		unlock_party(lock_1)
	:: else
	fi;
	if
	:: lock_2 != NOBODY ->
		unlock_party(lock_2)
	:: else
	fi
}

/* All that must be locked is: do both still wait? */
inline claim()
{
	if
	:: checks_me && P[me].state != PENDING ->
		verdict = LOST;
		unlock_both()
	:: else ->
		if
		:: checks_peer && claimed != NOBODY && P[claimed].state != PENDING ->
			verdict = STALE;
			unlock_both();
			find(c, from, peer);
			assert(found(c, from));
			unlink(c, from, u)
		:: else ->
			verdict = TAKEN;
			take_at_once()
		fi
	fi
}

inline be_pending(_several)
{
	P[me].state = PENDING;
	P[me].alive = true;
	P[me].several = _several;
	P[me].tries = (flags & TRIES) > 0
}

inline enqueue()
{
	C[c].q[d].w[C[c].q[d].n] = mine;
	C[c].q[d].n++;
	if
	:: !P[me].tries && d == SENDERS ->
		park_rx(c)
	:: !P[me].tries && d == RECEIVERS ->
		park_tx(c)
	:: else
	fi
}

/* A hold ends: nothing that it has found is good any longer. */
inline unlock_chan()
{
	C[c].lock = 0;
	peer = NOBODY;
	claimed = NOBODY;
	lock_1 = NOBODY;
	lock_2 = NOBODY;
	ready = false;
	settling = false;
	from = 0;
	verdict = 0
}

inline unlock_peer()
{
	if
	:: verdict == TAKEN && claimed != NOBODY ->
		unlock_party(claimed)
	:: else
	fi
}

/* In the same hold; it ends if there is nothing more to do. */
inline look_again()
{
	look();
	if
	:: why >= SETTLE && !ready ->
		unlock_chan()
	:: else
	fi
}

/*
 * A call with one operation, a plain one, or with two, a select or a selector.
 */
proctype call(byte me, op0, op1, flags)
{
	byte why, n, i, c, d, queued, verdict;
	byte peer = NOBODY;
	byte claimed = NOBODY;
	byte lock_1 = NOBODY;
	byte lock_2 = NOBODY;
	bit swapped, tries, ready, from, settling, returns;
#ifdef GENS
	byte gen[2], rounds;
	bit changed;
#endif

	if
	:: op1 == NOOP ->
		d_step {
			why = PLAIN_CALL;
			tries = (flags & TRIES) > 0;
			pick()
		};
		goto hold
	:: else
	fi;

	/* Pass 1, unpublished: the cases in one of their orders. */
pass_1:
	atomic {
		why = PASS_1;
		tries = true;
		n = 0;
		if
		:: swapped = 0
		:: swapped = 1
		fi
	};
peek:
	if
	:: n == 2 ->
		goto none_ready
	:: else ->
		pick()
	fi;
	/* Is it worth to lock the channel? First the ring, then the rest. */
	if
	:: C[c].nr - C[c].nr_returned != (d == SENDERS -> CAP(c) : 0) ->
		goto hold
	:: else
	fi;
	if
	:: C[c].closed || C[c].q[1 - d].n || (d == RECEIVERS && C[c].nr_returned) ->
		goto hold
	:: else
	fi;
not_ready:
	n++;
	goto peek;

none_ready:
	if
	:: flags & TRIES ->
		goto collect
	:: else ->
		goto publish
	fi;

collect:
#ifdef BREAK_COLLECT
	goto gave_up;
#endif
#ifdef GENS
	/* Are the generations as they were before that pass? */
	atomic {
		n = 0;
		changed = (rounds == 0)
	};
	do
	:: n == 2 ->
		break
	:: else ->
		c = op(n) / 2;
		d_step {
			!C[c].lock ->
			t = (op(n) % 2 == SENDERS -> tx_gen(c) : rx_gen(c));
			changed = changed || gen[n] != t;
			gen[n] = t;
			n++
		}
	od;
	if
	:: !is_changed ->
		goto gave_up
	:: is_changed && rounds < COLLECTS ->
		rounds++;
		goto pass_1
	:: else ->
		d_step {
			rounds = 0;
			changed = 0;
			gen[0] = 0;
			gen[1] = 0
		}
	fi;
#endif

	/* Pass 2: commit at once or enqueue, in the same order. */
publish:
	atomic {
		why = PASS_2;
		tries = (flags & TRIES) > 0;
		be_pending(true);
		n = 0
	};
pass_2:
	if
	:: P[me].state != PENDING ->
		goto leave
	:: n == 2 && P[me].state == PENDING ->
		goto parked
	:: else ->
		d_step {
			pick();
			queued++
		}
	fi;

	/* One hold of a channel's lock: look; lock whom it takes; claim; move; unlock. */
hold:
	atomic {
		!C[c].lock ->
		d_step {
			C[c].lock = 1;
			look()
		}
	};
looked:
	if
	:: ready && lock_1 != NOBODY ->
		d_step {
			!P[lock_1].lock ->
			lock_party(lock_1)
		}
	:: else
	fi;
	if
	:: ready && lock_2 != NOBODY ->
		d_step {
			!P[lock_2].lock ->
			lock_party(lock_2);
			claim()
		}
	:: ready && lock_2 == NOBODY ->
		d_step {
			claim()
		}
	:: else ->
		goto wait
	fi;
#ifdef BREAK_BOTH
	/* A step of its own. */
	if
	:: verdict == TAKEN ->
		d_step {
			take()
		}
	:: else
	fi;
#endif
	if
	:: verdict == LOST ->
		d_step {
			unlock_chan()
		};
		goto leave
	:: else
	fi;
	/* Whoever was fired may have seen it by now, but the locks were still held. */
	d_step {
		unlock_peer();
		look_again()
	};
	if
	:: why >= SETTLE && !ready ->
		goto settled
	:: why < SETTLE || ready ->
		goto looked
	:: settling || (why < SETTLE && verdict == STALE) ->
		/* That was enough for one hold: others may come before the next one. */
		d_step {
			unlock_chan()
		};
		if
		:: why == PASS_1 ->
			goto pass_1
		:: else ->
			goto hold
		fi
	fi;

	/* The operation isn't ready. */
wait:
	if
	:: why == SETTLE ->
		d_step {
			unlock_chan()
		};
settled:
		if
		:: returns ->
			goto done
		:: else ->
			goto leave
		fi
	:: why == PASS_1 ->
		d_step {
			unlock_chan()
		};
		goto not_ready
	:: why == PLAIN_CALL && tries ->
		d_step {
			unlock_chan()
		};
		goto gave_up
	:: why == PLAIN_CALL && !tries ->
		d_step {
			be_pending(false);
			enqueue();
			unlock_chan()
		}
	:: why == PASS_2 ->
		d_step {
			enqueue();
			unlock_chan();
			n++
		};
		goto pass_2
	fi;

	/* Asleep, until fired or cut short; who won't wait has waited enough. */
parked:
	if
	:: tries ->
		goto withdraw
	:: else ->
		P[me].where = SLEEPING
	fi;
end_sleep:
	if
	:: P[me].state != PENDING ->
		P[me].where = RUNNING;
		goto leave
	:: flags & CUT && (!(flags & TOLD) || P[me].told) ->
		P[me].where = RUNNING
	fi;
withdraw:
	if
	:: P[me].several ->
		d_step {
			!P[me].lock ->
			if
			:: P[me].state == PENDING ->
				P[me].state = CANCELLED
			:: else
			fi
		}
	:: else ->
		d_step {
			!C[c].lock ->
			if
			:: P[me].state == PENDING ->
				P[me].state = CANCELLED;
				find(c, d, mine);
				assert(found(c, d));
				unlink(c, d, u)
			:: else
			fi
		}
	fi;

	/* Leave the queues. */
leave:
	n = 0;
leave_next:
	if
	:: n < queued && leaves ->
		pick();
		d_step {
			!C[c].lock || !waits || !leaves_from(mine) ->
			find(c, d, mine);
			if
			:: found(c, d) ->
				unlink(c, d, u)
			:: else
			fi;
			n++
		};
		goto leave_next
	:: else
	fi;
	d_step {
		P[me].alive = false;	/* and nobody touches its memory from here */
		queued = 0
	};
	if
	:: !P[me].committed ->
		assert(P[me].state == CANCELLED);
		goto gave_up
	:: else ->
		d_step {
			i = P[me].winner % 2;
			c = op(i) / 2;
			d = op(i) % 2;
			assert(!(flags & ALWAYS));
			if
			:: P[me].ok && d == SENDERS ->
				acked[P[me].winner] = true
			:: else
			fi
		}
	fi;
	if
	:: !P[me].ok || d == SENDERS ->
		goto done
	:: P[me].ok && d == RECEIVERS && !(flags & KILLED && flags & TOLD) ->
		d_step {
			assert(!received[P[me].got]);
			received[P[me].got] = true
		};
		goto done
#ifdef RETURNS
	:: P[me].ok && d == RECEIVERS && flags & KILLED ->
		P[me].where = HOLDING
#endif
	fi;

#ifdef RETURNS
	/* It can't deliver: the channel holds the element again. */
	!(flags & TOLD) || P[me].told;
	d_step {
		!C[c].lock ->
		C[c].lock = 1;
		put_back(c, P[me].got);
		back_rx(c);
		bump_tx(c);
		returns = true;
		why = SETTLE;
		look()
	};
	goto looked;
#endif

	/* Nothing was done. */
gave_up:
	assert(flags & (TRIES | CUT) && !(flags & NEVER));
	assert(!P[me].committed);
done:
	atomic {
		/* What no longer matters shall not make states different. */
		why = 0;
		n = 0;
		i = 0;
		c = 0;
		d = 0;
		swapped = 0;
		tries = 0;
#ifdef GENS
		gen[0] = 0;
		gen[1] = 0;
		rounds = 0;
		changed = 0;
#endif
		P[me].state = 0;
		P[me].winner = 0;
		P[me].got = 0;
		P[me].where = DONE
	}
}

/* It will never come; but what is there is given first. */
inline flush()
{
	if
	:: gives ->
		pop(c, P[PARTY(peer)].got)
	:: else
	fi;
	fire(c, d, gives)
}

/* Close: mark it; fire all who wait, in one hold after another. */
proctype closer(byte c)
{
	byte peer = NOBODY;
	bit d, gives;

	d_step {
		!C[c].lock ->
		C[c].lock = 1;
		C[c].closed = true;
		close_rx(c);
		bump_tx(c)
	};
	do
	:: d_step {
		gives = (C[c].nr && C[c].q[RECEIVERS].n);
		d = (C[c].q[SENDERS].n && !gives -> SENDERS : RECEIVERS);
		walk(c, d, NOBODY, false)
	   };
		if
		:: peer == NOBODY ->
			break
		:: peer != NOBODY && !P[PARTY(peer)].several ->
			d_step {
				flush()
			}
		:: else ->
			d_step {
				!P[PARTY(peer)].lock ->
				lock_party(PARTY(peer));
				if
				:: P[PARTY(peer)].state == PENDING ->
					flush()
				:: else ->
					unlink(c, d, 0)
				fi
			};
			d_step {
				unlock_party(PARTY(peer))
			}
		fi;
		if
		:: true
		:: C[c].lock = 0;
			d_step {
				!C[c].lock ->
				C[c].lock = 1
			}
		fi
	od;
	C[c].lock = 0
}

/*
 * Nothing moves any more. Nobody hangs but who sleeps, who sleeps is queued and nobody
 * else, nobody sleeps whom another could serve, and every element is somewhere.
 */
inline check_party(_p)
{
	assert(P[_p].where == SLEEPING || P[_p].where == DONE);
	assert(!P[_p].lock);
	assert(P[_p].alive == (P[_p].where == SLEEPING));
	assert(P[_p].where == DONE || (P[_p].state == PENDING && !P[_p].committed))
}

inline check_queue(_c, _d)
{
	u = 0;
	do
	:: u < C[_c].q[_d].n ->
		assert(P[PARTY(C[_c].q[_d].w[u])].where == SLEEPING);
		t = 0;
		do
		:: t < C[_c].q[1 - _d].n ->
			assert(PARTY(C[_c].q[_d].w[u]) == PARTY(C[_c].q[1 - _d].w[t]));
			t++
		:: else ->
			break
		od;
		u++
	:: else ->
		break
	od;
	assert(!C[_c].closed || !C[_c].q[_d].n)
}

inline check_chan(_c)
{
	assert(!C[_c].lock);
	check_queue(_c, RECEIVERS);
	check_queue(_c, SENDERS);
	assert(!C[_c].nr || !C[_c].q[RECEIVERS].n);
	assert(!has_room(_c) || !C[_c].q[SENDERS].n);
	t = 0;
	do
	:: t < C[_c].nr ->
		assert(!received[C[_c].buf[t]]);	/* and each but once */
		received[C[_c].buf[t]] = true;
		t++
	:: else ->
		break
	od
}

inline check()
{
	n = 0;
	do
	:: n < PARTIES ->
		check_party(n);
		n++
	:: else ->
		break
	od;
	n = 0;
	do
	:: n < CHANS ->
		check_chan(n);
		n++
	:: else ->
		break
	od;
	n = 0;
	do
	:: n < ELEMS ->
		assert(acked[n] == received[n]);
		n++
	:: else ->
		break
	od
}

/* The rings that are full at first. */
inline fill()
{
	n = 0;
	do
	:: n < CHANS && (FULL >> n) & 1 ->
		push(n, WAITERS + n);
		acked[WAITERS + n] = true;
		n++
	:: n < CHANS && !((FULL >> n) & 1) ->
		n++
	:: else ->
		break
	od;
	n = 0
}

init {
	byte n;

	d_step {
		fill()
	};
	atomic {
		start()
	};
	timeout ->
	d_step {
		finish();
		check()
	}
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the fuzzer share; ../fuzz.c says how it works.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <liburing.h>
#include <linux/chan.h>

#define ARRAY_LEN(a)	(sizeof(a) / sizeof(*(a)))

#define THREADS_MAX	8
#define STEPS_MAX	20
#define ARGS_MAX	7

/*
 * Programs
 *
 * A call is a byte that says which, and bytes that are its arguments. The lower values of
 * an argument are meant well, and say what suits the channel that it is for; the others
 * are hostile.
 */

/* Files: sixteen slots with channels, four with selectors, and what is always there. */
enum {
	UNBUF,			/* presets: an unbuffered channel of 8 bytes */
	BUF,			/* two of 8 bytes */
	MSG,			/* two messages of up to 64 bytes */
	BIG,			/* one of 5120 bytes, by reference */
	UNIT,			/* one of no bytes */
	TICK,			/* a timer */
	STAND,			/* unbuffered, non-blocking, stands by */
	BUF_R, BUF_W,		/* BUF, one direction only */
	LOOK,			/* UNBUF, to look only */
	UNBUF_NB,		/* UNBUF, non-blocking */
	BIGMSG,			/* unbuffered, messages of up to 5120 bytes */
	FREE,			/* and four more that are empty at first */
	SEL = 16,		/* a selector, another, and two empty slots */
	NR_SLOTS = SEL + 4,
	ON_CTL = NR_SLOTS, ON_EPOLL, ON_PIPE, ON_PATH,
	ON_NOTHING,		/* and more: numbers that are no open files */
};

/* How many values of an argument are meant well. */
#define CHANS	(BIGMSG + 1)
#define DSTS	4
#define SELS	2
#define PLACES	4
#define MEMS	4
#define LENS	8
#define ANY	255

/* What kind of cases a byte is for. Its remainder by 3: to receive, to send, or either. */
#define BAD_BUFFERS	0x04
#define WRONG_SIZES	0x08	/* of messages */
#define ANY_FILE	0x10
#define WRONG_BITS	0x20
#define SHARED_CASES	0x40
#define BAD_CASES	0x80

/* As a count of cases: CHAN_CASES_MAX; and the next is one too many. */
#define MANY	200

/* Name, how often it is drawn, what of each argument is meant well. */
#define OPS(X)								\
	X(create,	6, DSTS, 28, 14, 6, 8, 8, PLACES)		\
	X(open,		2, DSTS, 4, 8)					\
	X(resolve,	1, 5, 3, PLACES)				\
	X(list,		1, 3, 3, 3, MEMS, PLACES)			\
	X(limits,	1, PLACES)					\
	X(info,		2, CHANS, PLACES)				\
	X(narrow,	4, CHANS, DSTS, 8, PLACES)			\
	X(destroy,	2, NR_SLOTS - 4, 2, PLACES)			\
	X(stop,		1, CHANS, 1)					\
	X(send,		10, CHANS, 8, 6, LENS, 6, MEMS, PLACES)		\
	X(recv,		10, CHANS, 8, 6, LENS, 6, MEMS, PLACES)		\
	X(read,		6, CHANS, LENS, MEMS)				\
	X(write,	6, CHANS, LENS, MEMS)				\
	X(readv,	2, CHANS, LENS, 8, MEMS)			\
	X(writev,	2, CHANS, LENS, 8, MEMS)			\
	X(pread,	1, CHANS, LENS, 4)				\
	X(poll,		3, ANY, ANY, 4, 3)				\
	X(epctl,	3, 3, NR_SLOTS, 8)				\
	X(epwait,	2, 3, 3)					\
	X(select,	10, 6, 16, ANY, 8, 6, 2, PLACES)		\
	X(selector,	2, 4, 4, 2, PLACES)				\
	X(arm,		6, SELS, 6, 16, ANY, 2, PLACES)			\
	X(disarm,	2, SELS, 1)					\
	X(result,	4, SELS, LENS, MEMS)				\
	X(standby,	3, CHANS, 2)					\
	X(timer,	3, 4, 2, 6, 6, PLACES)				\
	X(fcntl,	2, NR_SLOTS, 12, 8)				\
	X(dup,		3, CHANS, DSTS, 3)				\
	X(mmap,		1, NR_SLOTS, 8)					\
	X(misc,		1, NR_SLOTS, 16)				\
	X(splice,	1, NR_SLOTS, 8)					\
	X(pass,		2, CHANS, DSTS, 3)				\
	X(reopen,	2, NR_SLOTS - 4, DSTS, 4)			\
	X(getfd,	1, CHANS, DSTS)					\
	X(uring,	4, NR_SLOTS, 8, LENS, MEMS)			\
	X(uringctl,	2, 5)						\
	X(fork,		1, 6, CHANS, ANY)				\
	X(close,	3, NR_SLOTS)					\
	X(fdinfo,	1, NR_SLOTS)					\
	X(nofile,	1, 2)						\
	X(nap,		2, 3)						\
	X(signal,	1, 3)						\
	X(uid,		1, 3)						\
	X(fail,		3, 16)

enum {
	OP_END,
#define X(name, ...) OP_##name,
	OPS(X)
#undef X
	NR_OPS
};

struct step {
	uint8_t op;
	uint8_t arg[ARGS_MAX];
};

/* Ends with OP_END, or is full. */
struct program {
	struct step step[STEPS_MAX];
};

struct runner;

struct op {
	const char *name;
	unsigned int weight;
	uint8_t meant_well[ARGS_MAX];		/* 0 from the first that isn't there on */
	long (*run)(struct runner *t, const uint8_t *a);
};

extern const struct op ops[NR_OPS];
extern const struct program seeds[];
extern const unsigned int nr_seeds;

#define TEXT_MAX	(STEPS_MAX * 24 + 1)

uint64_t rnd(uint64_t *state);
uint32_t below(uint64_t *state, uint32_t n);
struct program random_program(uint64_t *state);
void append_program(struct program *p, const struct program *other);
bool is_short(const struct program *p);
void mutate(struct program *p, const struct program *other, uint64_t *state);
void print_step(char *to, const struct step *c);
void print_program(char *to, const struct program *p);
bool parse_program(struct program *p, const char *text, size_t len);

/*
 * What all processes and threads of a run share
 */

/* Who runs the programs. */
enum { AS_ROOT, AS_USER, AS_USERNS, NR_AS };
extern const char * const as_names[NR_AS];

#define CORPUS_MAX	4096
#define POINTS_MAX	16384
#define EDGES_MAX	(1U << 20)

struct shared {
	unsigned int threads;
	unsigned int slow;			/* how many times slower the machine is */
	bool verbose;
	uint64_t seed;
	uint64_t end;				/* CLOCK_MONOTONIC */
	int ctl, kmsg;				/* kmsg: -1 where no programs go there */
	int other;				/* a channel of another user's */
	uint64_t other_id;
	bool replay;
	struct program replayed[THREADS_MAX];

	atomic_uint as;
	atomic_ullong rounds, programs;
	struct program current[THREADS_MAX];

	pthread_mutex_t lock;			/* of the corpus */
	atomic_uint nr_corpus;
	struct program corpus[CORPUS_MAX];

	atomic_uint nr_points;
	_Atomic uint64_t points[POINTS_MAX];	/* addresses in the module, hashed */
	atomic_uchar edges[EDGES_MAX / 8];

	atomic_bool failed;
	char failure[1024];			/* of who has set failed first */
};

extern struct shared *shared;

/*
 * Threads
 */

#define RING_BUFS	16
#define RING_BUF	4096

/* Places in memory, good and bad, of one thread. */
struct memory {
	uint8_t *args, *edge_args;	/* structures; and where memory ends, with 64 KiB before */
	uint8_t *recv;			/* 1 MiB, and nothing behind */
	uint8_t *edge_send, *edge_recv;	/* likewise, for elements */
	uint8_t *fresh;			/* pages that aren't there before they are touched */
	uint8_t *ro, *ro_write;		/* pages that may be read only, and how to write them */
	uint8_t *none;			/* no access */
	uint8_t *beyond;		/* of a file, behind its end: SIGBUS */
};

struct runner {
	unsigned int nr;
	pid_t tid;
	struct memory mem;
	uint8_t *received;		/* where the call that runs receives, to be looked at */
	size_t received_max;
	uint64_t *kcov;			/* NULL: blind */
	const struct step *step;	/* that runs */
	unsigned int fail;		/* the next call's allocation or copy that fails */
	bool failing;
	bool other_uid;
	int fail_fd;
	struct io_uring ring;
	bool has_ring, has_files;
	unsigned int nr_requests;
	uint8_t *ring_mem;
	uint32_t ring_bufs;		/* in use, by bit */
};

extern struct runner runners[THREADS_MAX];

void shared_memory_init(void);
void memory_init(struct memory *m);
extern uint8_t *send_mem;		/* 1 MiB of what elements are made of; read only */
extern uint8_t *shared_args;		/* structures that all threads write, of NR_OPS kinds */
extern uint8_t *shared_recv;		/* where what they receive by those goes */
#define SEND_MEM	(1U << 20)
#define SHARED_MEM	(1U << 16)

/* How a program ends: nothing is left over of it but what is in slots. */
void run_program(struct runner *t, const struct program *p);
void ring_end(struct runner *t);

/*
 * Files
 */

#define CTL_FD		80
#define EPOLL_FD	81
#define PIPE_FD		82		/* and the next */
#define PATH_FD		84
#define FIRST_FD	100		/* of slot 0 */

enum kind { KIND_CHAN, KIND_SEL, KIND_CTL, KIND_OTHER, KIND_NONE };

/*
 * A slot's number is always of its kind of file, or of none. Who looks at @begun and
 * @ended knows whether it has stayed the same file.
 */
struct slot {
	pthread_mutex_t lock;		/* of who puts a file there, or closes it */
	atomic_uint begun, ended;
	atomic_bool full;
	atomic_uint unit;		/* bytes of an element, likely */
	atomic_bool message;
};

extern struct slot slots[NR_SLOTS];
extern atomic_uint minors[4];		/* of the latest named channels; [0]: not one's own */

struct target {
	int fd;
	enum kind kind;
	struct slot *slot;		/* or NULL */
	unsigned int begun;
	bool stable, full;
};

struct target target_of(uint8_t v);
bool still(const struct target *g);
void install(unsigned int slot, int fd, unsigned int unit, bool message);
void install_like(unsigned int slot, int fd, const struct target *g);
void empty(unsigned int slot);
unsigned int dst_of(uint8_t v);

/*
 * Arguments: @v is from a program
 */

enum {
	MEM_GOOD,
	MEM_EDGE,		/* to the end of memory */
	MEM_FRESH,		/* not there before it is touched */
	MEM_ODD,		/* an odd address */
	MEM_HALF,		/* memory ends in the middle */
	MEM_RO,
	MEM_NONE,		/* no access; from here on, nothing can be read there */
	MEM_BEYOND,		/* the end of a file */
	MEM_NULL,
	MEM_LOW,
	MEM_KERNEL,
	MEM_NONCANON,
	MEM_TOP,		/* of all addresses */
	NR_MEMS
};

void *buffer(struct runner *t, uint8_t v, size_t len, bool sending);
void check_received(struct runner *t);
uint64_t wild(uint8_t v);
size_t len_of(const struct target *g, uint8_t v);
unsigned int fd_flags_of(uint8_t v);

/* A value of a table, or a wild one. */
#define PICK(table, v)	((v) < ARRAY_LEN(table) ? (table)[v] : wild(v))

/*
 * What is right
 */

void broken(struct runner *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_errno(struct runner *t, int op, const struct target *g, long r);
bool has_ioctl(int op, enum kind kind);
/* May the call fail with this errno on such a file? */
bool documented(int op, enum kind kind, int error);
void check_limits(struct runner *t, const struct chan_limits *l);

/* -errno if it was -1. */
long result(long r);

/*
 * Coverage and the corpus
 */

void kcov_open(unsigned int i);
void kcov_begin(struct runner *t);
bool kcov_new(struct runner *t);
void corpus_add(const struct program *p);
struct program nth_program(uint64_t seed, uint64_t nth, const struct program *some,
			   unsigned int n);
struct program next_program(const struct runner *t);

/* What is running, to be printed and run again. */
#define ROUND_TEXT_MAX	(THREADS_MAX * (TEXT_MAX + 3) + 16)
void print_round(char *to);
bool parse_round(const char *text);

/*
 * Rounds and batches
 */

void destroy_named(void);
bool is_clean(const struct chan_limits *before, const struct chan_limits *l);
bool is_all_clean(const struct chan_limits *before, const struct chan_limits *l);
bool wait_clean(const struct chan_limits *before, struct chan_limits *l,
		bool (*clean)(const struct chan_limits *, const struct chan_limits *));
void say_left(char *to, size_t size, const struct chan_limits *before,
	      const struct chan_limits *l);
void batch(unsigned int as);

/* One for each op. */
#define X(name, ...) long run_##name(struct runner *t, const uint8_t *a);
OPS(X)
#undef X

#endif /* FUZZ_H */

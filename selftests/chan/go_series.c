// SPDX-License-Identifier: GPL-2.0
/*
 * Power series as channels, after Doug McIlroy's "Squinting at Power Series", which Go's own
 * channel tests begin with: each series is a goroutine that is asked for a coefficient and
 * gives it, an operation on series is one more of them, and an equation that defines a series
 * by itself is a channel that leads back. A product of products of some tens of goroutines
 * hangs, or gives a wrong number, if a single element is lost, doubled, or out of its turn.
 *
 * All series are infinite; what has an end goes on with zeros. All end when their channels
 * are closed.
 *
 * Built and linked as libchan.c is, and with Boost.Context.
 */
#include "go_test.h"

struct rat {
	int64_t num, den;
};

/* A series: it is asked for its next coefficient, and gives it. */
struct ps {
	chan(struct go_unit) ask;
	chan(struct rat) give;
	struct ps *all;
};

static struct ps *all_series;
static struct go_mutex all_lock;
static struct go_wait_group generators;

/*
 * Rational numbers
 */

static int64_t gcd(int64_t a, int64_t b)
{
	return b ? gcd(b, a % b) : a < 0 ? -a : a;
}

static struct rat rat(int64_t num, int64_t den)
{
	int64_t g = gcd(num, den);

	if (den < 0)
		g = -g;
	return (struct rat){ num / g, den / g };
}

static struct rat plus(struct rat a, struct rat b)
{
	int64_t g = gcd(a.den, b.den);

	return rat(a.num * (b.den / g) + b.num * (a.den / g), a.den / g * b.den);
}

static struct rat times(struct rat a, struct rat b)
{
	struct rat c = rat(a.num, b.den), d = rat(b.num, a.den);

	return (struct rat){ c.num * d.num, c.den * d.den };
}

static const struct rat zero = { 0, 1 }, one = { 1, 1 }, minus_one = { -1, 1 };

/*
 * Asking and giving; false when all is to end
 */

static struct ps *new_series(void)
{
	struct ps *z = malloc(sizeof(*z));

	*z = (struct ps){ go_make(struct go_unit), go_make(struct rat), NULL };
	go_mutex_lock(&all_lock);
	z->all = all_series;
	all_series = z;
	go_mutex_unlock(&all_lock);
	return z;
}

static bool get(struct ps *u, struct rat *r)
{
	return !chan_send(u->ask, (struct go_unit){ }) && chan_recv(u->give, r) == 1;
}

static bool give(struct ps *z, struct rat r)
{
	return !chan_send(z->give, r);
}

static bool asked(struct ps *z)
{
	return go_recv_ok(z->ask, NULL);
}

static bool put(struct ps *z, struct rat r)
{
	return asked(z) && give(z, r);
}

/* One of each, in whatever order they come: four cases, each of which comes once. */
static bool get_two(struct ps *u, struct ps *v, struct rat *a, struct rat *b)
{
	chan(struct go_unit) ask_u = u->ask, ask_v = v->ask;
	chan(struct rat) from_u = NULL, from_v = NULL;
	bool ok_u = true, ok_v = true;
	int i;

	for (i = 0; i < 4 && ok_u && ok_v; i++) {
		go_select {
			go_case_send(ask_u, (struct go_unit){ }) {
				ask_u = NULL;
				from_u = u->give;
			}
			go_case_send(ask_v, (struct go_unit){ }) {
				ask_v = NULL;
				from_v = v->give;
			}
			go_case_recv_ok(from_u, a, &ok_u)
				from_u = NULL;
			go_case_recv_ok(from_v, b, &ok_v)
				from_v = NULL;
		}
	}
	return ok_u && ok_v;
}

static void copy(struct ps *u, struct ps *z)
{
	struct rat r;

	while (asked(z) && get(u, &r) && give(z, r))
		;
}

/*
 * The goroutines behind the series. All of them have the same arguments.
 */

struct work {
	struct ps *u, *v, *z, *z2;
	struct rat c;
	int n;
};

struct generator {
	void (*fn)(const struct work *w);
	struct work w;
};

static void generate(void *arg)
{
	const struct generator *g = arg;

	go_defer(party_ends, &generators);
	g->fn(&g->w);
}

static struct ps *start_series(void (*fn)(const struct work *w), struct work w)
{
	struct generator g = { fn, w };

	if (!w.z)
		g.w.z = new_series();
	go_wait_group_add(&generators, 1);
	if (go_start_copy(generate, &g, sizeof(g)))
		abort();
	return g.w.z;
}

#define START(fn, ...)	start_series(fn, (struct work){ __VA_ARGS__ })

static void repeat(const struct work *w)
{
	while (put(w->z, w->c))
		;
}

/* c x^n */
static void monomial(const struct work *w)
{
	int i;

	for (i = 0; put(w->z, i == w->n ? w->c : zero); i++)
		;
}

static void add(const struct work *w)
{
	struct rat a, b;

	while (asked(w->z) && get_two(w->u, w->v, &a, &b) && give(w->z, plus(a, b)))
		;
}

static void scale(const struct work *w)
{
	struct rat r;

	while (asked(w->z) && get(w->u, &r) && give(w->z, times(w->c, r)))
		;
}

/* c + x U */
static void shift(const struct work *w)
{
	if (put(w->z, w->c))
		copy(w->u, w->z);
}

static void differentiate(const struct work *w)
{
	struct rat r;
	int i;

	if (!asked(w->z) || !get(w->u, &r))
		return;
	for (i = 1; get(w->u, &r) && give(w->z, times(rat(i, 1), r)) && asked(w->z); i++)
		;
}

/* Its constant comes before anything is asked of U, so that U may come from here. */
static void integrate(const struct work *w)
{
	struct rat r;
	int i;

	if (!put(w->z, w->c))
		return;
	for (i = 1; asked(w->z) && get(w->u, &r) && give(w->z, times(rat(1, i), r)); i++)
		;
}

/* U(c x^n) */
static void substitute_monomial(const struct work *w)
{
	struct rat r, power = one;
	int i;

	for (;;) {
		if (!asked(w->z) || !get(w->u, &r) || !give(w->z, times(power, r)))
			return;
		for (i = 1; i < w->n; i++)
			if (!put(w->z, zero))
				return;
		power = times(power, w->c);
	}
}

/* (1 + x)^c */
static void binomial(const struct work *w)
{
	struct rat c = w->c, r = one;
	int n;

	for (n = 1; put(w->z, r); n++) {
		r = times(times(r, c), rat(1, n));
		c = plus(c, minus_one);
	}
}

/*
 * One series for two who ask at different speeds, also where what one of them waits for
 * depends on what the other one is given: so nothing here waits for one thing alone.
 */
static void split(const struct work *w)
{
	struct ps *out[2] = { w->z, w->z2 };
	struct rat *had = NULL, r;
	bool waits[2] = { }, wanted = false, on_its_way = false, ok = true, more = true;
	int n = 0, pos[2] = { }, i;

	while (more && ok) {
		wanted = (waits[0] && pos[0] == n) || (waits[1] && pos[1] == n);
		go_select {
			for (i = 0; i < 2; i++) {
				go_case_recv_ok(waits[i] ? NULL : out[i]->ask, NULL, &more) {
					waits[i] = true;
					break;
				}
				go_case_send(waits[i] && pos[i] < n ? out[i]->give : NULL,
					     had ? had[pos[i] < n ? pos[i] : 0] : zero) {
					waits[i] = false;
					pos[i]++;
					break;
				}
			}
			go_case_send(wanted && !on_its_way ? w->u->ask : NULL, (struct go_unit){ })
				on_its_way = true;
			go_case_recv_ok(on_its_way ? w->u->give : NULL, &r, &ok) {
				on_its_way = false;
				had = realloc(had, (n + 1) * sizeof(*had));
				had[n++] = r;
			}
		}
	}
	free(had);
}

struct two {
	struct ps *a, *b;
};

static struct two new_two(void)
{
	return (struct two){ new_series(), new_series() };
}

static void split_into(struct ps *u, struct two to)
{
	START(split, .u = u, .z = to.a, .z2 = to.b);
}

static struct two split_series(struct ps *u)
{
	struct two to = new_two();

	split_into(u, to);
	return to;
}

static struct ps *sum(struct ps *u, struct ps *v)
{
	return START(add, .u = u, .v = v);
}

static struct ps *scaled(struct rat c, struct ps *u)
{
	return START(scale, .c = c, .u = u);
}

/*
 * With U = u + x UU and V = v + x VV the product is u v + x (u VV + v UU) + x^2 UU VV: its
 * first coefficient is known, and the rest of it is a sum with one product more.
 */
static void multiply(const struct work *w)
{
	struct two uu, vv;
	struct rat u, v, r;
	struct ps *middle;

	if (!asked(w->z) || !get_two(w->u, w->v, &u, &v) || !give(w->z, times(u, v)))
		return;
	if (!asked(w->z))
		return;
	uu = split_series(w->u);
	vv = split_series(w->v);
	middle = sum(scaled(u, vv.a), scaled(v, uu.a));
	if (!get(middle, &r) || !give(w->z, r))
		return;
	copy(sum(middle, START(multiply, .u = uu.b, .v = vv.b)), w->z);
}

static struct ps *product(struct ps *u, struct ps *v)
{
	return START(multiply, .u = u, .v = v);
}

/* U Z = 1: with z = 1 / u, Z = z - x z UU Z. */
static void invert(const struct work *w)
{
	struct two zz = new_two();
	struct rat u, z;
	struct ps *rest;

	if (!asked(w->z) || !get(w->u, &u))
		return;
	z = rat(u.den, u.num);
	if (!give(w->z, z))
		return;
	rest = START(shift, .c = z, .u = zz.a);
	split_into(product(scaled(times(minus_one, z), w->u), rest), zz);
	copy(zz.b, w->z);
}

/* U(V), where V begins with 0: u + VV UU(V) x, and V = x VV. */
static void substitute(const struct work *w)
{
	struct two v = split_series(w->v);
	struct rat u, v0;
	struct ps *rest;

	if (!asked(w->z) || !get(w->u, &u) || !give(w->z, u) || !get(v.a, &v0))
		return;
	rest = START(substitute, .u = w->u, .v = v.b);
	copy(product(v.a, rest), w->z);
}

/* Z = exp(U), where U begins with 0: Z' = Z U', so Z = 1 + the integral of Z U'. */
static struct ps *exponential(struct ps *u)
{
	struct two zz = new_two();

	split_into(START(integrate, .c = one,
			 .u = product(zz.a, START(differentiate, .u = u))), zz);
	return zz.b;
}

/* T = tan(x): T' = 1 + T^2. */
static struct ps *tangent(void)
{
	struct two t = new_two(), factors = split_series(t.a);
	struct ps *square = product(factors.a, factors.b);

	split_into(START(integrate, .c = zero, .u = sum(START(monomial, .c = one), square)), t);
	return t.b;
}

/* 1 / (1 + x^2), integrated */
static struct ps *arctangent(void)
{
	struct ps *ones = START(repeat, .c = one);

	return START(integrate, .c = zero,
		     .u = START(substitute_monomial, .u = ones, .c = minus_one, .n = 2));
}

static struct ps *repeated(int c)
{
	return START(repeat, .c = rat(c, 1));
}

static struct ps *power_of_x(int c, int n)
{
	return START(monomial, .c = rat(c, 1), .n = n);
}

FIXTURE(series) {
	int unused;
};

FIXTURE_VARIANT(series) {
	unsigned int procs;
};

FIXTURE_VARIANT_ADD(series, one_proc) { .procs = 1 };
FIXTURE_VARIANT_ADD(series, four_procs) { .procs = 4 };

/* Who is in a select at the end finds that it sends on a closed channel. */
static void end_alone(const char *message)
{
	if (strcmp(message, "send on closed channel"))
		fail(message);
	go_exit();
}

FIXTURE_SETUP(series)
{
	go_set_panic_handler(end_alone);
	go_procs(variant->procs);
}

/* Whoever asks or gives ends then; one that was just making more of them does so later. */
FIXTURE_TEARDOWN(series)
{
	struct ps *z, *closed = NULL, *next;

	do {
		go_mutex_lock(&all_lock);
		z = all_series;
		go_mutex_unlock(&all_lock);
		for (next = z; next && next != closed; next = next->all) {
			go_close(next->ask);
			go_close(next->give);
		}
		closed = z;
	} while (go_wait_group_wait_timeout(&generators, 10 * MS));
	for (; all_series; all_series = next) {
		next = all_series->all;
		chan_unref(all_series->ask);
		chan_unref(all_series->give);
		free(all_series);
	}
}

/* The coefficients from the constant on. */
static void expect(struct __test_metadata *_metadata, struct ps *u, const struct rat *wanted, int n)
{
	struct rat r;
	int i;

	for (i = 0; i < n; i++) {
		ASSERT_TRUE(get(u, &r));
		EXPECT_EQ(r.num, wanted[i].num)
			TH_LOG("coefficient %d is %lld/%lld, not %lld/%lld", i, (long long)r.num,
			       (long long)r.den, (long long)wanted[i].num,
			       (long long)wanted[i].den);
		EXPECT_EQ(r.den, wanted[i].den);
	}
}

#define EXPECT_SERIES(u, ...) do {						\
	const struct rat wanted_[] = { __VA_ARGS__ };				\
	expect(_metadata, u, wanted_, ARRAY(wanted_));				\
} while (0)

#define R(n, d)	{ n, d }
#define I(n)	{ n, 1 }

TEST_F(series, sums_and_multiples)
{
	EXPECT_SERIES(repeated(1), I(1), I(1), I(1), I(1), I(1));
	EXPECT_SERIES(sum(repeated(1), repeated(2)), I(3), I(3), I(3), I(3), I(3));
	EXPECT_SERIES(scaled(minus_one, repeated(2)), I(-2), I(-2), I(-2), I(-2));
	EXPECT_SERIES(sum(repeated(1), scaled(minus_one, repeated(2))), I(-1), I(-1), I(-1));
	EXPECT_SERIES(power_of_x(7, 3), I(0), I(0), I(0), I(7), I(0), I(0));
}

TEST_F(series, derivatives_and_integrals)
{
	EXPECT_SERIES(START(differentiate, .u = repeated(1)),
		      I(1), I(2), I(3), I(4), I(5), I(6), I(7), I(8), I(9), I(10));
	EXPECT_SERIES(START(integrate, .c = zero, .u = repeated(1)),
		      I(0), I(1), R(1, 2), R(1, 3), R(1, 4), R(1, 5), R(1, 6), R(1, 7), R(1, 8));
	EXPECT_SERIES(START(differentiate, .u = START(integrate, .c = one, .u = repeated(5))),
		      I(5), I(5), I(5), I(5), I(5), I(5));
}

/* 1 / (1 - x) squared; and by x^2 it only moves. */
TEST_F(series, products)
{
	EXPECT_SERIES(product(repeated(1), repeated(1)),
		      I(1), I(2), I(3), I(4), I(5), I(6), I(7), I(8), I(9), I(10));
	EXPECT_SERIES(product(power_of_x(3, 2), repeated(2)), I(0), I(0), I(6), I(6), I(6), I(6));
}

TEST_F(series, both_halves_of_a_split_are_the_whole)
{
	struct two t = split_series(START(differentiate, .u = repeated(1)));

	EXPECT_SERIES(t.a, I(1), I(2), I(3));
	EXPECT_SERIES(t.b, I(1), I(2), I(3), I(4), I(5), I(6));
	EXPECT_SERIES(t.a, I(4), I(5), I(6), I(7), I(8));
	EXPECT_SERIES(t.b, I(7), I(8), I(9));
}

/* sqrt(1 + x), squared */
TEST_F(series, the_square_of_a_root)
{
	EXPECT_SERIES(START(binomial, .c = { 1, 2 }), I(1), R(1, 2), R(-1, 8), R(1, 16), R(-5, 128));
	EXPECT_SERIES(product(START(binomial, .c = { 1, 2 }), START(binomial, .c = { 1, 2 })),
		      I(1), I(1), I(0), I(0), I(0), I(0), I(0));
}

TEST_F(series, reciprocals)
{
	EXPECT_SERIES(START(invert, .u = repeated(1)), I(1), I(-1), I(0), I(0), I(0), I(0));
	EXPECT_SERIES(START(invert, .u = START(binomial, .c = { 2, 1 })),
		      I(1), I(-2), I(3), I(-4), I(5), I(-6), I(7));
}

TEST_F(series, exp)
{
	EXPECT_SERIES(exponential(power_of_x(1, 1)),
		      I(1), I(1), R(1, 2), R(1, 6), R(1, 24), R(1, 120), R(1, 720), R(1, 5040));
	EXPECT_SERIES(exponential(repeated(1)),
		      I(1), I(1), R(3, 2), R(13, 6), R(73, 24), R(167, 40), R(4051, 720),
		      R(37633, 5040), R(43817, 4480), R(4596553, 362880));
}

TEST_F(series, atan)
{
	EXPECT_SERIES(arctangent(), I(0), I(1), I(0), R(-1, 3), I(0), R(1, 5), I(0), R(-1, 7),
		      I(0), R(1, 9));
}

TEST_F(series, tan)
{
	EXPECT_SERIES(tangent(), I(0), I(1), I(0), R(1, 3), I(0), R(2, 15), I(0), R(17, 315), I(0),
		      R(62, 2835));
}

TEST_F(series, tan_of_atan)
{
	EXPECT_SERIES(START(substitute, .u = tangent(), .v = arctangent()),
		      I(0), I(1), I(0), I(0), I(0), I(0));
}

TEST_HARNESS_MAIN

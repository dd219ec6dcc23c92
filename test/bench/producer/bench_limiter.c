/* bench_limiter - decisions of request limits, five levels each, Redis included.
 *
 *   bench_limiter REDIS_URL [at once [seconds]]
 *
 * So many requests wait at any time, as their connections would: when one is answered the next
 * takes its place, of another user. All that wait are one call of the script (limit_flush.h), which
 * is followed by the next as soon as it is answered. Each asks for all, an address, a tenant, a
 * role of it and a user: 1 of 1,000, in 100 tenants. The buckets have room, so every level is
 * charged. Prints one JSON line.
 *
 * Threads: one.  Memory: what waits. */
#include "ground/clock.h"
#include "limits/limit_flush.h"
#include "limits/limit_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { USERS = 1000, TENANTS = 100, ADDRESSES = 500, AT_ONCE = 64, SECONDS = 5, CONNECT_MS = 5000 };

struct bench {
	struct loop *loop;
	struct loop_timer *end;
	struct scratch *scratch;
	struct scratch_script *script;
	struct limit_flush *flush;
	struct levels *levels;
	struct ring waiting, sent;
	int64_t sent_us, began_us, ended_us;
	uint64_t decisions, admitted, calls;
	long seconds;
	uint32_t dice;
	const char *fault;
};

static void check(enum err e, const char *what)
{
	if (e == ERR_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, err_text(e));
	exit(1);
}

static double cpu_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The same users in the same order each time (a linear congruential generator). */
static uint32_t user_next(struct bench *b)
{
	b->dice = b->dice * 1664525 + 1013904223;
	return (b->dice >> 16) % USERS;
}

/* Of another user each time; its tenant, role and address follow from who it is. */
static void ask_anew(struct bench *b, struct limit_ask *ask)
{
	static const struct request_limit limit = {
		.amount = 6000000, .burst = 6000000, .window_s = 60};
	const uint32_t user = user_next(b);
	const uint32_t whose[LIMIT_REQUEST_LEVELS] = {[LIMIT_TENANT] = user % TENANTS,
		[LIMIT_ROLE] = user % TENANTS,
		[LIMIT_IP] = user % ADDRESSES,
		[LIMIT_USER] = user};

	ask->answered = ask->admitted = false;
	for (size_t i = 0; i < ask->n; i++) {
		struct limit_key *key = &ask->keys[i];

		*key = (struct limit_key){.level = (enum limit_level)i,
			.limit = limit,
			.pace = limit_pace_of(&limit)};
		key->id[0] = (uint8_t)i;
		memcpy(key->id + 1, &whose[i], sizeof whose[i]);
	}
}

static void asks_make(struct bench *b, long n)
{
	for (long i = 0; i < n; i++) {
		struct limit_ask *ask =
			calloc(1, sizeof *ask + LIMIT_REQUEST_LEVELS * sizeof *ask->keys);

		check(ask ? ERR_OK : ERR_NOMEM, "memory");
		ask->n = LIMIT_REQUEST_LEVELS;
		ask_anew(b, ask);
		ring_join(&b->waiting, &ask->link);
	}
}

static void asks_free(struct ring *asks)
{
	while (!ring_empty(asks)) {
		struct limit_ask *ask = RING_OF(asks->next, struct limit_ask, link);

		ring_leave(&ask->link);
		free(ask);
	}
}

static void over(struct bench *b, const char *fault)
{
	b->fault = fault;
	b->ended_us = clock_us();
	loop_stop(b->loop);
}

static void go_on(struct bench *b);

static void told(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct bench *b = owner;

	if (e) {
		over(b, "Redis did not answer");
		return;
	}
	limit_flush_take(b->flush, reply, b->levels, b->sent_us, &b->sent);
	b->calls++;
	while (!ring_empty(&b->sent)) {
		struct limit_ask *ask = RING_OF(b->sent.next, struct limit_ask, link);

		b->decisions++;
		b->admitted += ask->admitted;
		ask_anew(b, ask);
		ring_join(&b->waiting, &ask->link);
	}
	go_on(b);
}

static void go_on(struct bench *b)
{
	struct limit_memory memory = {b->levels, clock_us(), 100000};

	b->sent_us = memory.now_us;
	limit_flush_fill(b->flush, &memory, &b->waiting, &b->sent);
	if (limit_flush_send(b->flush, b->scratch, b->script, told, b))
		over(b, "Redis took no call");
}

static void timer(void *owner)
{
	struct bench *b = owner;

	over(b, b->began_us ? NULL : "Redis is not there");
}

static void changed(void *owner, bool up)
{
	struct bench *b = owner;

	if (!up || b->began_us) {
		over(b, "Redis went away");
		return;
	}
	b->began_us = clock_us();
	loop_timer_start(b->end, b->seconds * 1000);
	go_on(b);
}

static void open_all(struct bench *b, const char *url, long at_once)
{
	const struct scratch_options options = {.url = url, .on_change = changed, .owner = b};

	ring_init(&b->waiting);
	ring_init(&b->sent);
	check(loop_new(&b->loop), "a loop");
	check(loop_timer_new(b->loop, timer, b, &b->end), "a timer");
	check(levels_new(&b->levels), "memory");
	check(limit_flush_new(&b->flush), "memory");
	check(scratch_open(b->loop, &options, &b->scratch), "Redis");
	check(scratch_script_add(b->scratch, limit_script, &b->script), "the script");
	asks_make(b, at_once);
	loop_timer_start(b->end, CONNECT_MS);
}

static void close_all(struct bench *b)
{
	loop_timer_free(b->end);
	scratch_close(b->scratch);
	limit_flush_free(b->flush);
	levels_free(b->levels);
	asks_free(&b->waiting);
	asks_free(&b->sent);
	loop_free(b->loop);
}

static void print(const struct bench *b, double cpu)
{
	const double seconds = (double)(b->ended_us - b->began_us) / 1e6;

	printf("{\"rate\": %.0f, \"admitted\": %.3f, \"a_call\": %.1f, \"cpu_us\": %.2f}\n",
		(double)b->decisions / seconds, (double)b->admitted / (double)b->decisions,
		(double)b->decisions / (double)b->calls, cpu * 1e6 / (double)b->decisions);
}

int main(int argc, char **argv)
{
	struct bench b = {.seconds = argc > 3 ? strtol(argv[3], NULL, 10) : SECONDS};
	double from;
	bool good;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_limiter REDIS_URL [at once [seconds]]\n");
		return 2;
	}
	open_all(&b, argv[1], argc > 2 ? strtol(argv[2], NULL, 10) : AT_ONCE);
	from = cpu_s();
	loop_run(b.loop);
	good = !b.fault && b.calls; /* what ends below fails what is under way */
	if (good)
		print(&b, cpu_s() - from);
	else
		fprintf(stderr, "%s\n", b.fault ? b.fault : "no call was answered");
	close_all(&b);
	return good ? 0 : 1;
}

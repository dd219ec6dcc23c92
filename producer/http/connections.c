#include "http/connections.h"

#include "ground/clock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { SWEEP_MS = 250, STRANGER_MS = 1000, LEAST_BYTES_MS = (64 << 10) / 1000 };

struct connections {
	struct connections_options options;
	pthread_mutex_t lock; /* guards ring and stop; held while a descriptor is shut down */
	pthread_cond_t wake;
	struct ring ring; /* oldest first */
	_Atomic size_t n;
	bool stop, started;
	pthread_t sweeper;
};

static bool is_late(const struct connections *c, const struct connection *x, int64_t now)
{
	const int64_t limits[] = {
		[CONNECTION_HEAD] = c->options.header_ms,
		[CONNECTION_BODY] = c->options.body_ms,
		[CONNECTION_STRANGER] = c->options.body_ms,
		[CONNECTION_BUSY] = INT64_MAX,
		[CONNECTION_SENDING] = c->options.reply_ms,
		[CONNECTION_IDLE] = c->options.idle_ms,
	};

	const int at = x->at; /* first: whoever moves sets it last */

	return now - x->since_ms > limits[at];
}

/* The library notices the end of the stream and closes the descriptor on its own thread. */
static void end(const struct connection *x)
{
	(void)shutdown(x->fd, SHUT_RDWR);
}

static void sweep(const struct connections *c)
{
	int64_t now = clock_ms();

	for (const struct ring *at = c->ring.next; at != &c->ring; at = at->next) {
		const struct connection *x = RING_OF(at, struct connection, link);

		if (is_late(c, x, now))
			end(x);
	}
}

static void *sweeper_run(void *owner)
{
	struct connections *c = owner;
	struct timespec until;

	(void)pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += SWEEP_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		(void)pthread_cond_timedwait(&c->wake, &c->lock, &until);
		sweep(c);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

enum err connections_new(
	const struct connections_options *options, struct connections **ret_connections)
{
	struct connections *c = calloc(1, sizeof *c);
	pthread_condattr_t monotonic;

	if (!c)
		return ERR_NOMEM;
	c->options = *options;
	ring_init(&c->ring);
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	c->started = pthread_create(&c->sweeper, NULL, sweeper_run, c) == 0;
	if (!c->started) {
		connections_free(c);
		return ERR_SYSTEM;
	}
	*ret_connections = c;
	return ERR_OK;
}

void connections_free(struct connections *c)
{
	if (!c)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->stop = true;
	(void)pthread_cond_signal(&c->wake);
	(void)pthread_mutex_unlock(&c->lock);
	if (c->started)
		(void)pthread_join(c->sweeper, NULL);
	(void)pthread_cond_destroy(&c->wake);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

static bool may_go(const struct connection *x, int64_t now)
{
	static const int64_t after_ms[] = {
		[CONNECTION_HEAD] = 0,
		[CONNECTION_BODY] = INT64_MAX,
		[CONNECTION_STRANGER] = STRANGER_MS,
		[CONNECTION_BUSY] = INT64_MAX,
		[CONNECTION_SENDING] = INT64_MAX,
		[CONNECTION_IDLE] = 0,
	};

	return now - x->since_ms >= after_ms[x->at];
}

/* Under the lock. Ended connections stay in the ring for a moment, so one goes at a time. */
static void make_room(struct connections *c)
{
	int64_t now = clock_ms();

	for (struct ring *at = c->ring.next; at != &c->ring; at = at->next) {
		struct connection *x = RING_OF(at, struct connection, link);

		if (may_go(x, now)) {
			x->since_ms = INT64_MAX; /* chosen: not again */
			end(x);
			return;
		}
	}
}

struct connection *connections_join(struct connections *c, void *library, int fd)
{
	struct connection *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	x->library = library;
	x->thread = pthread_self();
	x->fd = fd;
	connection_moves(x, CONNECTION_HEAD);
	(void)pthread_mutex_lock(&c->lock);
	if (atomic_fetch_add(&c->n, 1) >= c->options.max - c->options.max / 16)
		make_room(c);
	ring_join(&c->ring, &x->link);
	(void)pthread_mutex_unlock(&c->lock);
	return x;
}

void connections_leave(struct connections *c, struct connection *connection)
{
	if (!connection)
		return;
	(void)pthread_mutex_lock(&c->lock);
	ring_leave(&connection->link);
	c->n--;
	(void)pthread_mutex_unlock(&c->lock);
	free(connection);
}

void connection_moves(struct connection *connection, enum connection_at at)
{
	if (!connection)
		return;
	connection->since_ms = clock_ms();
	connection->at = (int)at;
}

void connection_is_strange(struct connection *connection)
{
	if (connection)
		connection->at = CONNECTION_STRANGER;
}

void connection_sends(struct connection *connection, size_t bytes)
{
	if (!connection)
		return;
	connection->since_ms = clock_ms() + (int64_t)(bytes / LEAST_BYTES_MS);
	connection->at = CONNECTION_SENDING;
}

void connection_streams(struct connection *connection, size_t bytes)
{
	if (!connection)
		return;
	if (bytes == 0)
		connection_moves(connection, CONNECTION_BUSY);
	else if (connection->at != CONNECTION_SENDING)
		connection_sends(connection, bytes);
	else
		connection->since_ms += (int64_t)(bytes / LEAST_BYTES_MS);
}

struct connection *connections_find(
	struct connections *c, bool (*is_so)(const struct connection *connection))
{
	struct connection *found = NULL;

	(void)pthread_mutex_lock(&c->lock);
	for (struct ring *at = c->ring.next; at != &c->ring && !found; at = at->next) {
		struct connection *x = RING_OF(at, struct connection, link);

		if (is_so(x))
			found = x;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return found;
}

size_t connections_n(const struct connections *c)
{
	return c->n;
}

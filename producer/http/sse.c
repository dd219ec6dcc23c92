#include "http/sse.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SENT_PARTS = 16, COUNTED_MIN = 64 << 10 };

struct sse {
	struct sse_options options;
	pthread_mutex_t lock;
	struct buf out;
	size_t sent;	/* of out */
	size_t counted; /* of its room */
	struct MHD_Connection *connection;
	bool parked, ended, over;
	_Atomic unsigned holders;
};

/* What it holds, as far as that is worth counting. False: others hold too much. */
static bool count(struct sse *s)
{
	const struct sse_options *o = &s->options;
	const size_t n = s->out.room < COUNTED_MIN ? 0 : s->out.room;

	if (n > s->counted && !shares_claim(o->held, o->tenant, s->counted, n, &o->bounds))
		return false;
	if (n < s->counted)
		shares_set(o->held, o->tenant, s->counted, n);
	s->counted = n;
	return true;
}

static void drop(struct sse *s)
{
	buf_clear(&s->out);
	s->sent = 0;
	(void)count(s);
}

enum err sse_new(const struct sse_options *options, struct sse **ret_sse)
{
	struct sse *s = calloc(1, sizeof *s);

	if (!s)
		return ERR_NOMEM;
	(void)pthread_mutex_init(&s->lock, NULL);
	s->options = *options;
	buf_init(&s->out, options->bytes_max);
	s->holders = 1;
	*ret_sse = s;
	return ERR_OK;
}

struct sse *sse_hold(struct sse *s)
{
	s->holders++;
	return s;
}

void sse_release(struct sse *s)
{
	if (!s || atomic_fetch_sub(&s->holders, 1) > 1)
		return;
	drop(s);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Under the lock. */
static void unpark(struct sse *s)
{
	if (s->parked)
		MHD_resume_connection(s->connection);
	s->parked = false;
}

/* What is left moves to the front only once much was sent: a client that is slow shall not have
 * megabytes moved for each event of its own. */
static void forget_sent(struct sse *s)
{
	if (s->sent <= s->out.len / 2 && s->sent < s->out.max / SENT_PARTS)
		return;
	buf_skip(&s->out, s->sent);
	s->sent = 0;
}

/* Under the lock, behind appends: a buffer that overflowed ends the stream. */
static bool written(struct sse *s)
{
	const bool fits = count(s);

	if (!fits)
		drop(s);
	if (!fits || buf_err(&s->out))
		s->over = s->ended = true;
	unpark(s);
	return !s->over;
}

bool sse_event(struct sse *s, int64_t number, const char *event, const char *data, size_t len)
{
	bool ok = false;

	(void)pthread_mutex_lock(&s->lock);
	if (!s->over) {
		forget_sent(s);
		(void)buf_printf(&s->out, "id: %lld\nevent: %s\ndata: ", (long long)number, event);
		(void)buf_append(&s->out, data, len);
		(void)buf_text(&s->out, "\n\n");
		ok = written(s);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return ok;
}

bool sse_comment(struct sse *s)
{
	bool ok = false;

	(void)pthread_mutex_lock(&s->lock);
	if (!s->over) {
		forget_sent(s);
		(void)buf_text(&s->out, ":\n\n");
		ok = written(s);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return ok;
}

void sse_end(struct sse *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->ended = true;
	unpark(s);
	(void)pthread_mutex_unlock(&s->lock);
}

bool sse_is_over(struct sse *s)
{
	bool over;

	(void)pthread_mutex_lock(&s->lock);
	over = s->over;
	(void)pthread_mutex_unlock(&s->lock);
	return over;
}

void sse_attach(struct sse *s, void *connection)
{
	(void)pthread_mutex_lock(&s->lock);
	s->connection = connection;
	(void)pthread_mutex_unlock(&s->lock);
}

ssize_t sse_read(struct sse *s, char *out, size_t room)
{
	ssize_t n = 0;

	(void)pthread_mutex_lock(&s->lock);
	if (s->out.len > s->sent) {
		n = (ssize_t)(s->out.len - s->sent < room ? s->out.len - s->sent : room);
		memcpy(out, s->out.bytes + s->sent, (size_t)n);
		s->sent += (size_t)n;
		if (s->sent == s->out.len && s->counted)
			drop(s);
	} else if (s->ended) {
		n = -1;
	} else {
		s->parked = true;
		MHD_suspend_connection(s->connection);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

void sse_detach(struct sse *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->over = s->ended = true;
	s->parked = false;
	(void)pthread_mutex_unlock(&s->lock);
	sse_release(s);
}

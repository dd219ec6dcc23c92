#include "late_usage.h"

#include "domain/halving.h"
#include "ground/log.h"
#include "ground/ring.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 1000, NAMES = 4 };

/* One attempt's; its names lie behind it. */
struct late {
	struct ring link;
	struct id holder;
	struct finish end;
	char names[];
};

struct late_usage {
	struct loop *loop;
	struct db *db;
	struct loop_timer *timer;
	struct ring line;
	size_t n;
	size_t asked_n; /* of the line's first, under way */
	struct halving halving;
	int64_t quiet_ms; /* nothing is sent before: the record did not answer */
	struct finish *asked[FINISH_MAX];
};

size_t late_usage_waiting(const struct late_usage *u)
{
	return u->n;
}

static void not_booked(size_t n, enum err e)
{
	log_error("usage of lost jobs is not booked", LOG_INT("jobs", (int64_t)n), LOG_ERR(e));
}

/* ---- the line ---- */

static struct late *late_new(const struct finish *end)
{
	const char *const from[NAMES] = {
		end->upstream, end->model, end->key_label, end->called_model};
	const char *names[NAMES];
	size_t room = 0;
	struct late *late;
	char *at;

	for (size_t i = 0; i < NAMES; i++)
		room += from[i] ? strlen(from[i]) + 1 : 0;
	late = malloc(sizeof(*late) + room);
	if (!late)
		return NULL;
	at = late->names;
	for (size_t i = 0; i < NAMES; i++) {
		names[i] = from[i] ? at : NULL;
		if (from[i])
			at = stpcpy(at, from[i]) + 1;
	}
	late->end = (struct finish){.tenant = end->tenant,
		.job = end->job,
		.fence = end->fence,
		.upstream = names[0],
		.model = names[1],
		.key_label = names[2],
		.called_model = names[3],
		.fallback = end->fallback,
		.estimated = end->estimated,
		.input_tokens = end->input_tokens,
		.output_tokens = end->output_tokens,
		.cost_nano = end->cost_nano};
	return late;
}

void late_usage_add(struct late_usage *u, struct id holder, const struct finish *end)
{
	struct late *late = u->n < LATE_USAGE_MAX ? late_new(end) : NULL;

	if (!late) {
		not_booked(1, u->n < LATE_USAGE_MAX ? ERR_NOMEM : ERR_UNAVAILABLE);
		return;
	}
	late->holder = holder;
	late->link = (struct ring){NULL, NULL};
	ring_join(&u->line, &late->link);
	u->n++;
}

/* The first n are done with. */
static void line_leave(struct late_usage *u, size_t n)
{
	u->n -= n;
	while (n-- > 0) {
		struct late *late = RING_OF(u->line.next, struct late, link);

		ring_leave(&late->link);
		free(late);
	}
}

/* ---- booking ---- */

static void wait_a_moment(struct late_usage *u)
{
	u->quiet_ms = loop_now_ms(u->loop) + RETRY_MS;
	loop_timer_start(u->timer, RETRY_MS);
}

/* Who is to blame is left out; the others go again. */
static void refused(struct late_usage *u, size_t n)
{
	if (!halving_refused(&u->halving, n))
		return;
	not_booked(1, ERR_DB_DATA);
	line_leave(u, 1);
}

static void on_usage(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	struct late_usage *u = ctx;

	u->asked_n = 0;
	if (e == ERR_OK) {
		halving_taken(&u->halving, FINISH_MAX);
		line_leave(u, n);
	} else if (e == ERR_DB_DATA) {
		refused(u, n);
	} else {
		log_warn("usage of lost jobs is not acknowledged yet", LOG_INT("jobs", (int64_t)n),
			LOG_ERR(e));
		wait_a_moment(u);
		return;
	}
	late_usage_flush(u);
}

/* The line's first, of one holder. */
static size_t first_of_one(struct late_usage *u, struct id *ret_holder)
{
	const size_t most = halving_most(&u->halving, u->n < FINISH_MAX ? u->n : FINISH_MAX);
	struct ring *at = u->line.next;
	size_t n = 0;

	*ret_holder = RING_OF(at, struct late, link)->holder;
	for (; n < most; at = at->next) {
		struct late *late = RING_OF(at, struct late, link);

		if (!id_equal(late->holder, *ret_holder))
			break;
		u->asked[n++] = &late->end;
	}
	return n;
}

void late_usage_flush(struct late_usage *u)
{
	struct id holder;
	size_t n;

	if (!u->n || u->asked_n || loop_now_ms(u->loop) < u->quiet_ms)
		return;
	if (!db_is_up(u->db)) {
		wait_a_moment(u);
		return;
	}
	n = first_of_one(u, &holder);
	if (finish_usage(u->db, holder, u->asked, n, on_usage, u))
		wait_a_moment(u);
	else
		u->asked_n = n;
}

static void on_timer(void *owner)
{
	late_usage_flush(owner);
}

enum err late_usage_new(struct loop *loop, struct db *db, struct late_usage **ret_usage)
{
	struct late_usage *u = calloc(1, sizeof(*u));
	enum err e;

	if (!u)
		return ERR_NOMEM;
	u->loop = loop;
	u->db = db;
	ring_init(&u->line);
	e = loop_timer_new(loop, on_timer, u, &u->timer);
	if (e) {
		free(u);
		return e;
	}
	*ret_usage = u;
	return ERR_OK;
}

void late_usage_free(struct late_usage *u)
{
	if (!u)
		return;
	if (u->n)
		not_booked(u->n, ERR_UNAVAILABLE);
	line_leave(u, u->n);
	loop_timer_free(u->timer);
	free(u);
}

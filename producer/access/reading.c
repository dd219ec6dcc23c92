#include "access/reading.h"

#include "access/actor.h"
#include "ground/clock.h"
#include "producer.h"
#include "stores/audit_read.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 16, TRIES = 8, MINUTE_MS = 60000, BATCH_MAX = 500, ACTION_MAX = 32 };
static const char ACTION_END[] = ".read";

/* Who read what in this minute. */
struct slot {
	int64_t minute;
	struct id who, what; /* who: a credential */
};

struct reading {
	pthread_mutex_t lock;
	struct slot slots[SLOTS];
};

/* A read on its way to the record. */
struct note {
	struct record_item item; /* first */
	struct producer *producer;
	struct audit_read read;
	char action[ACTION_MAX];
	struct slot memo; /* minute 0: each is a row of its own */
	reading_then_fn *then;
	void *owner;
};

enum err reading_new(struct reading **ret_reading)
{
	struct reading *reading = calloc(1, sizeof *reading);

	if (!reading)
		return ERR_NOMEM;
	(void)pthread_mutex_init(&reading->lock, NULL);
	*ret_reading = reading;
	return ERR_OK;
}

void reading_free(struct reading *reading)
{
	if (!reading)
		return;
	(void)pthread_mutex_destroy(&reading->lock);
	free(reading);
}

/* ---- the minute ---- */

/* Ids are chance enough to be hashed by their last bytes. */
static size_t place_of(const struct slot *s)
{
	uint32_t who, what;

	memcpy(&who, s->who.bytes + 12, sizeof who);
	memcpy(&what, s->what.bytes + 12, sizeof what);
	return who ^ what;
}

/* True when the minute knows it; else, with put, it is known from now on when there is room. */
static bool minute_knows(struct reading *reading, const struct slot *s, bool put)
{
	bool known = false, done = false;

	(void)pthread_mutex_lock(&reading->lock);
	for (size_t i = 0; i < TRIES && !done; i++) {
		struct slot *at = &reading->slots[(place_of(s) + i) % SLOTS];
		const bool fresh = at->minute == s->minute;

		known = fresh && id_equal(at->who, s->who) && id_equal(at->what, s->what);
		done = known || !fresh;
		if (!fresh && put)
			*at = *s;
	}
	(void)pthread_mutex_unlock(&reading->lock);
	return known;
}

/* ---- on a lane ---- */

static void written(void *ctx, enum err e)
{
	record_batch_end(ctx, e);
}

static enum err reading_run(struct db *db, struct record_batch *batch)
{
	struct audit_read reads[BATCH_MAX];

	for (size_t i = 0; i < batch->n; i++)
		reads[i] = ((const struct note *)(const void *)batch->items[i])->read;
	return audit_reads_write(db, reads, batch->n, written, batch);
}

const struct record_op reading_op = {"audit_read", RECORD_WRITES, BATCH_MAX, reading_run, NULL};

static void note_done(struct record_item *item, enum err e)
{
	struct note *note = (struct note *)(void *)item;

	if (!e && note->memo.minute)
		(void)minute_knows(note->producer->reading, &note->memo, true);
	note->then(note->owner, e);
	free(note);
}

/* ---- noting ---- */

static struct note *note_of(struct producer *producer, const struct audit_read *read)
{
	struct note *note = calloc(1, sizeof *note);

	if (!note)
		return NULL;
	note->item.op = &reading_op;
	note->item.done = note_done;
	note->producer = producer;
	(void)snprintf(note->action, sizeof note->action, "%s", read->action);
	note->read = *read;
	note->read.action = note->action;
	return note;
}

static struct note *note_new(struct request *r, const char *action, struct id object)
{
	return note_of(r->producer,
		&(struct audit_read){
			.tenant = r->caller.is_operator ? AUDIT_SYSTEM_TENANT : r->caller.tenant,
			.by = request_actor(r),
			.action = action,
			.object = object});
}

static enum err note_add(struct note *note)
{
	const enum err e = note ? record_add(note->producer->record, &note->item) : ERR_NOMEM;

	if (e)
		free(note);
	return e;
}

static void note_send(struct note *note, reading_then_fn *then, void *owner)
{
	enum err e;

	if (note) {
		note->then = then;
		note->owner = owner;
	}
	e = note_add(note);
	if (e)
		then(owner, e);
}

void reading_note_each(
	struct request *r, const char *action, struct id object, reading_then_fn *then, void *owner)
{
	note_send(note_new(r, action, object), then, owner);
}

void reading_note_as(struct producer *producer, const struct audit_read *read,
	reading_then_fn *then, void *owner)
{
	note_send(note_of(producer, read), then, owner);
}

/* By the credential: a stolen one is not hidden by what its owner reads in the same minute. */
static struct slot slot_of(const struct request *r, struct id object)
{
	return (struct slot){clock_ms() / MINUTE_MS + 1, r->caller.credential, object};
}

void reading_note(
	struct request *r, const char *action, struct id object, reading_then_fn *then, void *owner)
{
	const struct slot memo = slot_of(r, object);
	struct note *note;

	if (minute_knows(r->producer->reading, &memo, false)) {
		then(owner, ERR_OK);
		return;
	}
	note = note_new(r, action, object);
	if (note)
		note->memo = memo;
	note_send(note, then, owner);
}

/* ---- looks ---- */

/* "/v1/api-keys/..." is api_key.read, "/v1/access/..." access.read; and as an object one of its
 * own. */
static bool action_of(const struct route *route, char out[ACTION_MAX], struct id *ret_what)
{
	const char *noun = route->pattern + strlen("/v1/");
	size_t n = 0;

	if (strncmp(route->pattern, "/v1/", 4) != 0)
		return false;
	for (; noun[n] && noun[n] != '/' && n < ACTION_MAX - sizeof ACTION_END; n++)
		out[n] = (char)(noun[n] == '-' ? '_' : noun[n]);
	if (n > 1 && out[n - 1] == 's' && out[n - 2] != 's')
		n--;
	memcpy(out + n, ACTION_END, sizeof ACTION_END);
	memset(ret_what, 0, sizeof *ret_what);
	for (size_t i = 0; i < n; i++)
		ret_what->bytes[i % sizeof ret_what->bytes] ^= (uint8_t)out[i];
	return true;
}

/* Of a tenant's routes those that are not about jobs: whoever hands jobs out asks for itself. */
static bool is_look(const struct route *route)
{
	return strcmp(route->method, "GET") == 0 &&
	       (route->access == ROUTE_OPERATOR ||
		       (route->access == ROUTE_TENANT && route->object == ROUTE_THING));
}

static void look_noted(void *owner, enum err e)
{
	struct request *r = owner;

	r->note_err = e;
	request_resume(r);
}

enum err reading_of_look(struct request *r, bool *ret_parked)
{
	const struct route *route = r->match.route;
	char action[ACTION_MAX];
	struct note *note;
	struct slot memo;
	struct id what;

	if (r->noted)
		return r->note_err;
	r->noted = true;
	if (!is_look(route) || !action_of(route, action, &what))
		return ERR_OK;
	memo = slot_of(r, what);
	if (minute_knows(r->producer->reading, &memo, false))
		return ERR_OK;
	note = note_new(r, action, (struct id){{0}});
	if (note)
		note->memo = memo;
	request_park(r);
	note_send(note, look_noted, r);
	*ret_parked = true;
	return ERR_OK;
}

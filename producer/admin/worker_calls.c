#include "admin/worker_calls.h"

#include "access/actor.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "producer.h"
#include "record_call.h"
#include "stores/worker_row.h"

#include <string.h>

enum { WORKERS_MAX = 1000 };

struct worker_call {
	struct record_call call; /* first */
	struct audit_actor by;
	struct id worker;
};

static struct worker_call *of(const struct record_batch *batch)
{
	return (struct worker_call *)(void *)record_call_of(batch);
}

static void worker_put(struct buf *out, const struct worker_row *w)
{
	const bool gone = strcmp(w->state, "left") == 0 || strcmp(w->state, "dead") == 0;
	struct worker_pulse pulse = w->pulse;
	char id[ID_TEXT_MAX];

	if (gone) /* it holds nothing any more, whatever it told last */
		pulse = (struct worker_pulse){.ended = w->pulse.ended};
	id_format("wrk", w->id, id);
	(void)buf_printf(
		out, "{\"id\":\"%s\",\"object\":\"worker\",\"state\":\"%s\"", id, w->state);
	job_json_text(out, "host", w->host);
	job_json_text(out, "version", w->version);
	(void)buf_printf(out,
		",\"pid\":%d,\"slots\":%d,\"slots_free\":%d,\"running\":%d,\"lease_ms\":%lld,",
		(int)w->pid, (int)w->slots, (int)pulse.slots_free, (int)w->running,
		(long long)w->lease_ms);
	(void)buf_printf(out,
		"\"calls\":%d,\"ended\":%lld,\"memory_bytes\":%lld,\"memory_target_bytes\":%lld,",
		(int)pulse.calls, (long long)pulse.ended, (long long)pulse.memory_bytes,
		(long long)pulse.memory_target_bytes);
	job_json_time(out, "started_at", w->started_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "beat_at", w->beat_ms);
	(void)buf_char(out, '}');
}

static void listed(void *ctx, enum err e, const struct worker_row *rows, size_t n)
{
	struct record_batch *batch = ctx;
	struct list_reply list = list_reply_begin(&of(batch)->call.r->reply);

	for (size_t i = 0; !e && i < n; i++)
		worker_put(list_reply_element(&list), &rows[i]);
	list_reply_end(&list, false, NULL);
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	return worker_list(db, WORKERS_MAX, listed, batch);
}

const struct record_op worker_list_op = {"worker_list", RECORD_SLOW, 1, list_run, NULL};

void workers_get(struct request *r)
{
	struct worker_call *w = record_call_new(r, sizeof *w);

	if (w)
		record_call_start(&w->call, &worker_list_op);
}

static void drained(void *ctx, enum err e, const struct worker_row *rows, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e)
		worker_put(reply_json(&of(batch)->call.r->reply, 200), rows);
	record_batch_end(batch, e);
}

static enum err drain_run(struct db *db, struct record_batch *batch)
{
	const struct worker_call *w = of(batch);

	return worker_drain(db, w->worker, &w->by, drained, batch);
}

const struct record_op worker_drain_op = {"worker_drain", RECORD_SLOW, 1, drain_run, NULL};

void worker_drain_call(struct request *r)
{
	struct worker_call *w = record_call_new(r, sizeof *w);

	if (!w)
		return;
	w->by = request_actor(r);
	if (id_parse("wrk", r->match.params[0], &w->worker))
		record_call_start(&w->call, &worker_drain_op);
	else
		request_fail(r, ERR_NOT_FOUND);
}

#include "stores/submit.h"
#include "config/rows.h"
#include "stores/room_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

enum { BESIDE_BYTES = 16 << 20 }; /* of a job: its row, hashes, seals */
_Static_assert(CONFIG_BODY_BYTES_MOST + BESIDE_BYTES <= DB_ARGS_BYTES_MAX,
	"a body that may come is refused here");

/* Which queues take jobs now: all that exist, less those that drain, are at their cap or whose
 * oldest job waits too long; and which of the tenants ($1) have no place left. */
#define QUEUES                                                                         \
	" known as materialized (select array(select queue_id from queue) as ids,"     \
	" ready_rank(now(), 0::int2) as rank, array("                                  \
	"  select q.queue_id from" ROOM_QUEUES " where" ROOM_OF_QUEUE " > 0) as open," \
	" array(select l.tenant_id from tenant_limit l"                                \
	"  where l.tenant_id = any($1) and" ROOM_OF_TENANT " = 0)"                     \
	" as full_tenants)"

/* Takes the keys, in order; waits for whoever is about to take the same. A key that was taken
 * shows up in submit_jobs as another's job_id. */
static const struct db_stmt keys_stmt = {.name = "submit_keys",
	.sql = "with" QUEUES " insert into idempotency as i (tenant_id, principal,"
	       " key_hash, body_hash, job_id, expires_at)"
	       " select distinct on (k.tenant_id, k.principal, k.key_hash) k.tenant_id,"
	       " k.principal,"
	       "  k.key_hash, k.body_hash, k.job_id, now() + make_interval(secs => k.ttl_s)"
	       " from unnest($1, $2, $3, $4, $5, $6, $7)"
	       "  k(tenant_id, job_id, principal, queue_id, key_hash, body_hash, ttl_s), known"
	       " where k.queue_id = any(known.open) and k.tenant_id <> all(known.full_tenants)"
	       " order by 1, 2, 3, k.job_id"
	       " on conflict (tenant_id, principal, key_hash) do update set body_hash ="
	       " excluded.body_hash,"
	       "  job_id = excluded.job_id, expires_at = excluded.expires_at"
	       " where i.expires_at <= now()"};

/* Every element is looked at once (inp); what may be accepted (take) is written from it. */
static const struct db_stmt jobs_stmt = {.name = "submit_jobs",
	.sql = "with" QUEUES ", inp as materialized ("
	       " select k.*, coalesce(k.run_at > now(), false) as later,"
	       "  case when k.deadline_s > 0 then greatest(now(), coalesce(k.run_at, now()))"
	       "   + make_interval(secs => k.deadline_s) end as deadline_at,"
	       "  known.rank + k.priority * 30000 as rank,"
	       "  i.job_id as key_job, i.body_hash as key_body,"
	       "  k.tenant_id = any(known.full_tenants) as full_tenant,"
	       "  case when k.key_hash is null then k.queue_id = any(known.open)"
	       "    and k.tenant_id <> all(known.full_tenants)"
	       "   else coalesce(i.job_id = k.job_id, false) end as take,"
	       "  k.queue_id = any(known.ids) as known"
	       " from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
	       " $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31,"
	       " $32)"
	       "  with ordinality k(tenant_id, job_id, principal, queue_id, key_hash,"
	       " body_hash,"
	       "   kind, model, priority, run_at, deadline_s, attempt_timeout_ms,"
	       " max_attempts, store,"
	       "   callback_events, accept_ms, retention, input, subject, metadata,"
	       " callback, fallback, trace,  batch_id, hashes, units, key_id,"
	       " by_kind, by_actor, by_request, by_credential, by_source, ord)"
	       " cross join known"
	       " left join lateral (select i.job_id, i.body_hash from idempotency i"
	       "  where k.key_hash is not null and i.tenant_id = k.tenant_id and"
	       " i.principal = k.principal and i.key_hash = k.key_hash limit 1) i on true"
	       "), jobs as (insert into job (tenant_id, job_id, principal, queue_id,"
	       " kind, model, priority,"
	       "  created_at, run_at, deadline_at, deadline_s, attempt_timeout_ms,"
	       " max_attempts, store,"
	       "  callback_events, accept_ms, retention, state, rank, waiting_for, units)"
	       " select tenant_id, job_id, principal, queue_id, kind, model, priority,"
	       " now(), run_at,"
	       "  deadline_at, deadline_s, attempt_timeout_ms, max_attempts, store,"
	       " callback_events, accept_ms,"
	       "  retention, case when later then 'waiting' else 'queued' end::job_state,"
	       "  rank, case when later then 'run_at' end, units from inp where take"
	       "), inputs as (insert into job_input (retention, tenant_id, job_id,"
	       " input, subject, metadata, callback, fallback, trace, key_id)"
	       " select retention, tenant_id, job_id, input, subject, metadata,"
	       " callback, fallback, trace, key_id from inp where take"
	       "), matches as (insert into job_match (retention, tenant_id, hash, job_id)"
	       " select distinct retention, tenant_id, substring(hashes from at for 16),"
	       " job_id from inp"
	       "  cross join lateral generate_series(1, octet_length(hashes), 16) at where take"
	       "), ready as (insert into job_ready (tenant_id, queue_id, rank, job_id,"
	       " batch_id, deadline_at, units)"
	       " select tenant_id, queue_id, rank, job_id, batch_id, deadline_at, units from"
	       " inp where take and not later"
	       "), due as (insert into job_due (tenant_id, job_id, queue_id, due_at, deadline_at)"
	       " select tenant_id, job_id, queue_id, run_at, deadline_at from inp where"
	       " take and later"
	       "), heads as (insert into ready_head (tenant_id, queue_id)"
	       " select distinct tenant_id, queue_id from inp where take and not later"
	       " order by 1, 2"
	       "  on conflict do nothing"
	       "), batches as (insert into dispatch_batch (batch_id, queue_id,"
	       " tenant_ids, ranks, job_ids)"
	       " select batch_id, min(queue_id), array_agg(tenant_id), array_agg(rank),"
	       " array_agg(job_id)"
	       "  from inp where take and not later and batch_id is not null group by batch_id"
	       "), audits as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       " select tenant_id, by_kind, by_actor, by_request, by_credential, by_source,"
	       " 'job.submit', job_id from"
	       " inp where take"
	       ") select ord, take, known, key_job is not null, key_body = body_hash, key_job,"
	       "  case when take then (case when later then 'waiting' else 'queued' end)"
	       " else j.state::text end,"
	       "  case when take then now() else j.created_at end, take and not later, full_tenant"
	       " from inp left join lateral (select j.state, j.created_at from job j"
	       "  where not inp.take and j.tenant_id = inp.tenant_id and j.job_id = inp.key_job "
	       "limit 1) j on true"};

static const struct db_stmt settle_stmt = {.name = "submit_settle",
	.sql = "select k.ord, j.state::text, j.created_at, j.state = 'queued'"
	       " from unnest($1, $2) with ordinality k(tenant_id, job_id, ord)"
	       " cross join lateral (select j.state, j.created_at from job j"
	       "  where j.tenant_id = k.tenant_id and j.job_id = k.job_id limit 1) j",
	.reads = true};

/* One of the two hashes of a submit; none without a key. */
static struct db_bytes hash_of(const struct submit *s, const void *hash)
{
	return (struct db_bytes){s->has_key ? hash : NULL, sizeof(s->key_hash)};
}

static struct db_bytes matches_of(const struct submit *s)
{
	return (struct db_bytes){
		s->hashes_n > 0 ? s->hashes : NULL, s->hashes_n * SUBMIT_HASH_BYTES};
}

enum { KEY_TTL_S = 86400 };

static void key_columns(struct db_args *a, struct submit *const *batch, size_t n)
{
	DB_COLUMN(a, n, id, batch[i]->tenant);
	DB_COLUMN(a, n, id, batch[i]->job);
	DB_COLUMN(a, n, id, batch[i]->principal);
	DB_COLUMN(a, n, int4, batch[i]->queue_id);
	DB_COLUMN(a, n, bytes, hash_of(batch[i], batch[i]->key_hash));
	DB_COLUMN(a, n, bytes, hash_of(batch[i], batch[i]->body_hash));
}

static void keys_columns(struct db_args *a, struct submit *const *batch, size_t n)
{
	key_columns(a, batch, n);
	DB_COLUMN(a, n, int4, (int32_t)(batch[i]->key_ttl_s > 0 ? batch[i]->key_ttl_s : KEY_TTL_S));
}

static void fact_columns(struct db_args *a, struct submit *const *batch, size_t n)
{
	DB_COLUMN(a, n, text, batch[i]->kind);
	DB_COLUMN(a, n, text, batch[i]->model);
	DB_COLUMN(a, n, int2, (int16_t)batch[i]->priority);
	DB_COLUMN(a, n, time, batch[i]->run_at_ms);
	DB_COLUMN(a, n, int4, (int32_t)batch[i]->deadline_s);
	DB_COLUMN(a, n, int4, (int32_t)batch[i]->attempt_timeout_ms);
	DB_COLUMN(a, n, int2, (int16_t)batch[i]->max_attempts);
	DB_COLUMN(a, n, bool, batch[i]->store);
	DB_COLUMN(a, n, int2, (int16_t)batch[i]->callback_events);
	DB_COLUMN(a, n, int4, (int32_t)batch[i]->accept_ms);
	DB_COLUMN(a, n, int2, (int16_t)id_class(batch[i]->job));
}

static void content_columns(struct db_args *a, struct submit *const *batch, size_t n)
{
	DB_COLUMN(a, n, bytes, batch[i]->input);
	DB_COLUMN(a, n, bytes, batch[i]->subject);
	DB_COLUMN(a, n, bytes, batch[i]->metadata);
	DB_COLUMN(a, n, bytes, batch[i]->callback);
	DB_COLUMN(a, n, bytes, batch[i]->fallback);
	DB_COLUMN(a, n, bytes, batch[i]->trace);
	DB_COLUMN(a, n, id_or_null, batch[i]->batch);
	DB_COLUMN(a, n, bytes, matches_of(batch[i]));
	DB_COLUMN(a, n, int4, batch[i]->units > 0 ? batch[i]->units : 1);
	DB_COLUMN(a, n, id_or_null, batch[i]->data_key);
}

static void by_columns(struct db_args *a, struct submit *const *batch, size_t n)
{
	DB_COLUMN(a, n, text, batch[i]->by.kind);
	DB_COLUMN(a, n, id_or_null, batch[i]->by.id);
	DB_COLUMN(a, n, id_or_null, batch[i]->by.request);
	DB_COLUMN(a, n, id_or_null, batch[i]->by.credential);
	DB_COLUMN(a, n, id_or_null, batch[i]->by.source);
}

static enum err outcome_of(const struct db_rows *r, size_t row)
{
	bool take = db_int(r, row, 1) != 0, keyed = db_int(r, row, 3) != 0;

	if (take)
		return ERR_OK;
	if (keyed && db_int(r, row, 4) == 0)
		return ERR_IDEMPOTENCY;
	if (keyed) /* the same again, unless that job was deleted since */
		return db_null(r, row, 6) ? ERR_CONFLICT : ERR_OK;
	if (db_int(r, row, 2) == 0)
		return ERR_UNKNOWN_QUEUE;
	return db_int(r, row, 9) != 0 ? ERR_TENANT_FULL : ERR_QUEUE_FULL;
}

static void outcome_set(struct submit *s, const struct db_rows *r, size_t row)
{
	bool take = db_int(r, row, 1) != 0;

	s->outcome = outcome_of(r, row);
	s->replayed = s->outcome == ERR_OK && !take;
	s->job_id = take ? s->job : db_id(r, row, 5);
	s->state = job_state_from_text(db_text(r, row, 6));
	s->created_ms = db_time(r, row, 7);
	s->ready = db_int(r, row, 8) != 0;
}

/* The same key twice in one batch: the second is a replay of the first, which no snapshot shows
 * yet. */
static void twins_settle(struct submit *const *batch, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; batch[i]->outcome == ERR_CONFLICT && j < n; j++) {
			if (batch[j]->outcome != ERR_OK || batch[j]->replayed ||
				!id_equal(batch[j]->job, batch[i]->job_id))
				continue;
			batch[i]->outcome = ERR_OK;
			batch[i]->replayed = true;
			batch[i]->state = batch[j]->state;
			batch[i]->created_ms = batch[j]->created_ms;
		}
	}
}

static void on_submit(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct submit *const *batch = call->batch;
	const struct db_rows *r;
	size_t i;

	if (e == ERR_OK) {
		r = db_reply_rows(reply, db_reply_n(reply) - 1);
		for (i = 0; i < db_rows_n(r); i++)
			outcome_set(batch[db_int(r, i, 0) - 1], r, i);
		twins_settle(batch, call->n);
	}
	((submit_done *)call->done)(call->ctx, e, batch, call->n);
	free(call);
}

static struct id tenant_of(const void *batch, size_t i)
{
	return ((struct submit *const *)batch)[i]->tenant;
}

/* Begins what ends in done, for at most SUBMIT_MAX submits. */
static enum err submit_begin(struct db *db, struct submit *const *batch, size_t n,
	submit_done *done, void *ctx, struct store_call **ret_call)
{
	struct store_call *call;
	struct id *tenants;
	enum err e;

	if (n == 0 || n > SUBMIT_MAX)
		return ERR_TOO_LARGE;
	tenants = store_call_tenants(batch, n, tenant_of);
	e = tenants != NULL ? store_call_begin(db, tenants, n, &call) : ERR_NOMEM;
	free(tenants);
	if (e != ERR_OK)
		return e;
	call->done = (store_call_fn *)done;
	call->ctx = ctx;
	call->batch = (void *)batch;
	call->n = n;
	*ret_call = call;
	return ERR_OK;
}

static void keys_query(struct db *db, struct submit *const *batch, size_t n)
{
	const struct submit **keyed;
	struct db_args args, *a = &args;
	size_t keyed_n = 0, i;

	for (i = 0; i < n; i++)
		keyed_n += batch[i]->has_key;
	if (keyed_n == 0)
		return;
	db_args_init(a);
	keyed = malloc(keyed_n * sizeof(struct submit *));
	if (keyed == NULL) {
		a->bytes.err = ERR_NOMEM;
	} else {
		for (i = keyed_n = 0; i < n; i++)
			if (batch[i]->has_key)
				keyed[keyed_n++] = batch[i];
		keys_columns(a, (struct submit *const *)keyed, keyed_n);
	}
	db_query(db, &keys_stmt, a);
	free(keyed);
}

enum err submit_batch(
	struct db *db, struct submit *const *batch, size_t n, submit_done *done, void *ctx)
{
	struct db_args args, *a = &args;
	struct store_call *call;
	enum err e = submit_begin(db, batch, n, done, ctx, &call);

	if (e != ERR_OK)
		return e;
	keys_query(db, batch, n);
	db_args_init(a);
	key_columns(a, batch, n);
	fact_columns(a, batch, n);
	content_columns(a, batch, n);
	by_columns(a, batch, n);
	db_query(db, &jobs_stmt, a);
	db_commit(db, on_submit, call);
	return ERR_OK;
}

static void on_settle(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct submit *const *batch = call->batch;
	const struct db_rows *r;
	struct submit *s;
	size_t i;

	for (i = 0; e == ERR_OK && i < call->n; i++)
		batch[i]->outcome = ERR_NOT_FOUND;
	r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	for (i = 0; r != NULL && i < db_rows_n(r); i++) {
		s = batch[db_int(r, i, 0) - 1];
		s->outcome = ERR_OK;
		s->replayed = false;
		s->job_id = s->job;
		s->state = job_state_from_text(db_text(r, i, 1));
		s->created_ms = db_time(r, i, 2);
		s->ready = db_int(r, i, 3) != 0;
	}
	((submit_done *)call->done)(call->ctx, e, batch, call->n);
	free(call);
}

enum err submit_settle(
	struct db *db, struct submit *const *batch, size_t n, submit_done *done, void *ctx)
{
	struct db_args args, *a = &args;
	struct store_call *call;
	enum err e = submit_begin(db, batch, n, done, ctx, &call);

	if (e != ERR_OK)
		return e;
	db_args_init(a);
	DB_COLUMN(a, n, id, batch[i]->tenant);
	DB_COLUMN(a, n, id, batch[i]->job);
	db_query(db, &settle_stmt, a);
	db_commit(db, on_settle, call);
	return ERR_OK;
}

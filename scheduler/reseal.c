#include "reseal.h"

#include "ground/log.h"
#include "keys.h"
#include "stores/reseal.h"
#include "stores/subject_key.h"

#include <stdlib.h>
#include <string.h>

/* One value may be as large as a body; a page of small ones has RESEAL_BYTES. */
enum { HELD_BYTES = 200 << 20 };

/* A page of the walk while it is worked on. */
struct sealing {
	struct leader *leader;
	struct reseal_page page;
	struct reseal_value *values; /* copies: their bytes lie in clear */
	size_t n;
	bool rest; /* the page has more than these */
	struct buf clear, sealed;
	struct db_bytes match_key;
	/* the tenant's own key, then one for each subject of the page */
	struct subject_key keys[RESEAL_JOBS + 1];
	size_t keys_n;
};

/* ---- what lies in clear, copied out of its callback ---- */

struct find_ask {
	struct ask ask;
	struct sealing *s;
};

static size_t found_bytes(const struct reseal_found *found)
{
	size_t bytes = found->match_key.len;

	for (size_t i = 0; i < found->n; i++)
		bytes += found->values[i].value.len + found->values[i].subject.len;
	return bytes;
}

/* Into room that was made: nothing moves any more. */
static void bytes_keep(struct buf *buffer, struct db_bytes *bytes)
{
	const char *at = buffer->bytes + buffer->len;

	if (bytes->bytes == NULL || buf_append(buffer, bytes->bytes, bytes->len) != ERR_OK)
		return;
	bytes->bytes = at;
}

static enum err found_keep(struct sealing *s, const struct reseal_found *found)
{
	s->values = calloc(found->n + 1, sizeof *s->values);
	if (s->values == NULL)
		return ERR_NOMEM;
	if (buf_reserve(&s->clear, found_bytes(found) + 1) != ERR_OK)
		return buf_err(&s->clear);
	s->n = found->n;
	s->rest = found->rest;
	s->match_key = found->match_key;
	bytes_keep(&s->clear, &s->match_key);
	for (size_t i = 0; i < s->n; i++) {
		s->values[i] = found->values[i];
		bytes_keep(&s->clear, &s->values[i].value);
		bytes_keep(&s->clear, &s->values[i].subject);
	}
	return buf_err(&s->clear);
}

static void on_found(void *ctx, enum err e, const struct reseal_found *found)
{
	struct find_ask *ask = ctx;

	ask->ask.err = e == ERR_OK ? found_keep(ask->s, found) : e;
}

static enum err values_find(struct sealing *s)
{
	struct find_ask ask = {.s = s};
	struct leader *leader = s->leader;

	if (id_is_zero(s->page.tenant))
		return ERR_OK;
	return leader_wait(leader, reseal_find(leader->db, &s->page, on_found, &ask), &ask.ask);
}

/* ---- their keys ---- */

static void ask_ended(void *ctx, enum err e)
{
	struct ask *ask = ctx;

	ask->err = e;
}

static enum err keys_ensure(struct sealing *s)
{
	struct leader *leader = s->leader;
	struct ask ask = {0};
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < s->keys_n; i++)
		e = sealed_key_make(scheduler_keys_ring(leader), s->page.tenant, s->keys[i].key.id,
			&s->keys[i].key);
	if (e != ERR_OK)
		return e;
	return leader_wait(
		leader, subject_key_ensure(leader->db, s->keys, s->keys_n, ask_ended, &ask), &ask);
}

static void key_add(struct sealing *s, struct id id)
{
	for (size_t i = 0; i < s->keys_n; i++)
		if (id_equal(s->keys[i].key.id, id))
			return;
	s->keys[s->keys_n++] = (struct subject_key){s->page.tenant, {.id = id}};
}

static const struct subject_key *key_of(const struct sealing *s, struct id id)
{
	size_t i = 0;

	while (i + 1 < s->keys_n && !id_equal(s->keys[i].key.id, id))
		i++;
	return &s->keys[i];
}

/* The tenant's, by which subjects are named. It has no format where it is from before. */
static enum err match_key_open(struct sealing *s, uint8_t ret_key[SEALED_MATCH_KEY])
{
	const struct sealed_where where = {SEALED_MATCHING, s->page.tenant, 0};
	struct sealed_view view = {s->match_key.bytes, s->match_key.len, NULL};
	struct sealed_box box;
	enum err e = ERR_OK;

	sealed_box_open(&box, scheduler_keys_ring(s->leader), s->page.tenant, &s->keys[0].key);
	if (view.len != SEALED_MATCH_KEY)
		e = sealed_open(&box, where, s->match_key.bytes, s->match_key.len, &view);
	if (e == ERR_OK && view.len != SEALED_MATCH_KEY)
		e = ERR_DB_DATA;
	if (e == ERR_OK)
		memcpy(ret_key, view.bytes, SEALED_MATCH_KEY);
	if (view.owned != NULL)
		sealed_view_clear(&view);
	sealed_box_close(&box);
	return e;
}

/* As submits name it (producer/jobs/job_spec.c); a job without a subject is sealed by the tenant's
 * own key. */
static struct id subject_id(const uint8_t match_key[SEALED_MATCH_KEY], struct db_bytes subject)
{
	uint8_t hash[DIGEST_SIZE];
	struct id id = {{0}};

	if (subject.len < 1)
		return id;
	sealed_match(match_key, "subject",
		(struct sealed_pair){"", 0, (const char *)subject.bytes + 1, subject.len - 1},
		hash);
	memcpy(id.bytes, hash, sizeof id.bytes);
	return id;
}

static enum err keys_gather(struct sealing *s)
{
	uint8_t match_key[SEALED_MATCH_KEY];
	enum err e;

	key_add(s, (struct id){{0}});
	e = keys_ensure(s);
	if (e == ERR_OK)
		e = match_key_open(s, match_key);
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < s->n; i++) {
		if (!s->values[i].has_key)
			s->values[i].key = subject_id(match_key, s->values[i].subject);
		key_add(s, s->values[i].key);
	}
	digest_wipe(match_key, sizeof match_key);
	return keys_ensure(s);
}

/* ---- sealing ---- */

/* What a value says. A match key of those days has no format byte before it. */
static struct db_bytes text_of(const struct reseal_value *value)
{
	const size_t format =
		value->where.place == SEALED_MATCHING && value->value.len == SEALED_MATCH_KEY ? 0
											      : 1;

	return (struct db_bytes){
		(const char *)value->value.bytes + format, value->value.len - format};
}

static bool is_setting(const struct reseal_value *value, struct id tenant)
{
	return id_equal(value->where.row, tenant);
}

static enum err value_seal(struct sealing *s, struct reseal_value *value)
{
	const struct db_bytes text = text_of(value);
	const char *at = s->sealed.bytes + s->sealed.len;
	struct sealed_box box;
	enum err e;

	sealed_box_open(
		&box, scheduler_keys_ring(s->leader), s->page.tenant, &key_of(s, value->key)->key);
	e = sealed_close(&box, value->where, text.bytes, text.len, &s->sealed);
	sealed_box_close(&box);
	if (e != ERR_OK)
		return e;
	if (is_setting(value, s->page.tenant))
		value->was = value->value;
	value->value = (struct db_bytes){at, (size_t)(s->sealed.bytes + s->sealed.len - at)};
	return ERR_OK;
}

static enum err values_seal(struct sealing *s)
{
	enum err e;

	if (s->n == 0)
		return ERR_OK;
	e = keys_gather(s);
	if (e == ERR_OK)
		e = buf_reserve(&s->sealed, s->clear.len + s->n * SEALED_OVERHEAD + 1);
	for (size_t i = 0; e == ERR_OK && i < s->n; i++)
		e = value_seal(s, &s->values[i]);
	return e;
}

/* ---- a turn ---- */

/* Behind the last job of a full page, else to the next tenant. */
static struct reseal_step step_of(const struct sealing *s)
{
	const struct reseal_page *page = &s->page;
	struct reseal_step step = {page->next, {{0}}, page->jobs_n, s->values, s->n};

	if (s->rest) {
		step.tenant = page->tenant;
		step.after = page->after;
		step.jobs = 0;
	} else if (page->jobs_n == RESEAL_JOBS) {
		step.tenant = page->tenant;
		step.after = page->jobs[page->jobs_n - 1];
	}
	return step;
}

static enum err step_store(struct sealing *s)
{
	const struct reseal_step step = step_of(s);
	struct leader *leader = s->leader;
	struct ask ask = {0};
	enum err e = leader_wait(leader,
		reseal_store(leader->db, leader->term, &s->page, &step, ask_work, &ask), &ask);

	if (e == ERR_OK && s->n > 0)
		log_info("values from before there were keys are sealed",
			LOG_INT("values", (int64_t)s->n));
	return e;
}

struct page_ask {
	struct ask ask;
	struct sealing *s;
};

static void on_page(void *ctx, enum err e, const struct reseal_page *page)
{
	struct page_ask *ask = ctx;

	ask->ask.err = e;
	ask->s->page = *page;
}

static enum err page_turn(struct sealing *s, bool *ret_busy)
{
	struct page_ask ask = {.s = s};
	struct leader *leader = s->leader;
	enum err e = leader_wait(leader, reseal_page(leader->db, on_page, &ask), &ask.ask);

	if (e != ERR_OK || s->page.sealed || s->page.rests)
		return e;
	*ret_busy = true;
	e = values_find(s);
	if (e == ERR_OK)
		e = values_seal(s);
	return e == ERR_OK ? step_store(s) : e;
}

enum err reseal_run(struct leader *leader, bool *ret_busy)
{
	struct sealing *s;
	enum err e;

	/* Once it is sealed it stays so: the report says it, and nothing is asked any more. */
	if (sealed_is_off() || scheduler_keys_done(leader))
		return ERR_OK;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return ERR_NOMEM;
	s->leader = leader;
	buf_init(&s->clear, HELD_BYTES);
	buf_init(&s->sealed, HELD_BYTES);
	e = page_turn(s, ret_busy);
	if (s->clear.bytes != NULL)
		digest_wipe(s->clear.bytes, s->clear.len);
	buf_clear(&s->clear);
	buf_clear(&s->sealed);
	free(s->values);
	free(s);
	return e;
}

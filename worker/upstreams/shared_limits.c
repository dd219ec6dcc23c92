#include "upstreams/shared_limits.h"

#include "connect/redis.h"
#include "ground/log.h"
#include "ports/scratch.h"
#include "upstreams/shared_script.h"
#include "upstreams/shared_words.h"
#include "upstreams/standing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXCHANGE_SCOPES = WORDS_SCOPES,
	GUARDS_MAX = WORDS_GUARDS,
	FRESH_MS = 100,
	HURRY_MS = 5,	  /* between hurried exchanges */
	ACTIVE_MS = 5000, /* a scope takes part so long after its last use */
	IDLE_MS = 1000,	  /* between exchanges that only say: I am here, or that are refused */
	GREET_MS = 1000,  /* a worker that starts waits so long for the fleet's word */
	WHY_MAX = 1024,
	TABLES = 2
};

struct shared_limits {
	struct permits_options options;
	struct scopes *tables[TABLES]; /* upstreams' scopes, and payers */
	struct scratch *scratch;
	struct scratch_script *script;
	struct loop_timer *timer;
	struct words words;
	struct scratch_arg args[WORDS_MAX];
	double workers;
	struct standing standing;
	bool under_way, hurry, due;
	bool greeted; /* Redis answered once */
	int64_t began_ms, sent_ms;
	unsigned exchange;
	size_t guards_n, scopes_n; /* of the exchange under way */
	struct guard *guards[GUARDS_MAX];
	struct scope *paced[EXCHANGE_SCOPES];
};

bool shared_limits_alone(const struct shared_limits *s)
{
	return !s || s->standing.now != STANDING_SHARED;
}

double shared_limits_workers(const struct shared_limits *s)
{
	return s && s->workers > 1 ? s->workers : 1;
}

/* No hurry helps. */
static bool is_refused(const struct shared_limits *s)
{
	return s->standing.now == STANDING_REFUSED;
}

static int64_t now_of(const struct shared_limits *s)
{
	return loop_now_ms(s->options.loop);
}

static int64_t sync_ms(const struct shared_limits *s)
{
	return (*s->options.config)->pacing.sync_ms;
}

bool shared_limits_fresh(const struct shared_limits *s, const struct scope *scope)
{
	const int64_t most_ms = s && 2 * sync_ms(s) > FRESH_MS ? 2 * sync_ms(s) : (int64_t)FRESH_MS;

	if (s && !s->greeted && now_of(s) - s->began_ms < GREET_MS)
		return false;
	return shared_limits_alone(s) ||
	       (scope->copied_ms && now_of(s) - scope->copied_ms <= most_ms);
}

void shared_limits_hurry(struct shared_limits *s)
{
	if (s)
		s->hurry = true;
}

/* ---- what goes out ---- */

static void put_guard(struct shared_limits *s, struct guard *g)
{
	const struct breaker_rule rule = guard_rule(*s->options.config, g->kind);
	const struct breaker *to = &g->proposal;
	const int64_t left_ms = to->until_ms - now_of(s);
	struct words *w = &s->words;

	g->exchange = s->exchange;
	s->guards[s->guards_n++] = g;
	guard_send(g);
	word(w, g->id);
	word(w, guard_kind_text(g->kind));
	word(w, g->upstream);
	word(w, g->label);
	word_number(w, g->sending.ok);
	word_number(w, g->sending.bad);
	word_count(w, rule.window_ms);
	word_count(w, g->version);
	word(w, g->why ? breaker_state_text(to->state) : "");
	word_count(w, to->opened);
	word_count(w, to->stage);
	word_count(w, to->until_ms > 0 && left_ms < 1 ? 1 : left_ms);
	word(w, g->why ? g->why : "");
}

static void put_pace(struct shared_limits *s, struct scope *scope)
{
	const int64_t now = now_of(s);
	struct words *w = &s->words;
	char load[96];

	scope->exchanging = true;
	quota_return(&scope->quota[RATE_TOKENS], shared_limits_workers(s), now);
	s->paced[s->scopes_n++] = scope;
	word(w, scope->id);
	word(w, scope->upstream->name);
	word(w, scope->key);
	word(w, scope->model);
	scope->floor_sending_ms = scope->floor_untold_ms;
	scope->floor_untold_ms = 0;
	word_count(w, scope->floor_sending_ms > now ? scope->floor_sending_ms - now : 0);
	(void)snprintf(load, sizeof(load), "%zu %lld %zu %.0f", scope->in_flight,
		(long long)aimd_limit(&scope->aimd, scope->ceiling), scope->waiting,
		scope->upstream->retries.paid.level);
	word(w, load);
	scope->parked_sending = scope->parked_untold;
	scope->parked_untold = 0;
	word_number(w, scope->parked_sending);
	for (size_t i = 0; i < RATES; i++) {
		const struct quota_ask ask = quota_send(&scope->quota[i]);
		const double numbers[] = {ask.per_minute, ask.capacity, ask.learned,
			ask.learned_capacity, ask.take, ask.want, ask.seen, ask.call};

		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
			word_number(w, numbers[k]);
	}
}

/* Its copy is old: nobody may act upon it soon. */
static bool is_stale(const struct shared_limits *s, const struct scope *scope)
{
	return now_of(s) - scope->copied_ms >= sync_ms(s) / 2;
}

/* It has something to ask or to tell before that. */
static bool is_in_a_hurry(const struct shared_limits *s, const struct scope *scope)
{
	return !is_stale(s, scope) && (scope->waiting || scope->floor_untold_ms ||
					      (scope->breaker && scope->breaker->why) ||
					      (scope->health && scope->health->why));
}

/* It was used lately, or has calls under way or jobs that wait: so others shall hear of it. */
static bool is_active(const struct shared_limits *s, const struct scope *scope)
{
	return now_of(s) - scope->used_ms <= ACTIVE_MS || scope->in_flight || scope->waiting;
}

/* Adds those of the scopes used last that are due; returns how many there are then. A long call
 * keeps its scope active long after its last use, behind idle ones: so all are looked at. */
static size_t choose_of(const struct shared_limits *s, const struct scopes *scopes,
	struct scope *chosen[EXCHANGE_SCOPES], size_t n,
	bool (*due)(const struct shared_limits *s, const struct scope *scope))
{
	for (struct ring *at = scopes->used.prev; at != &scopes->used && n < EXCHANGE_SCOPES;
		at = at->prev) {
		struct scope *scope = RING_OF(at, struct scope, used);

		if (is_active(s, scope) && due(s, scope))
			chosen[n++] = scope;
	}
	return n;
}

static size_t choose(const struct shared_limits *s, struct scope *chosen[EXCHANGE_SCOPES], size_t n,
	bool (*due)(const struct shared_limits *s, const struct scope *scope))
{
	for (size_t i = 0; i < TABLES; i++)
		n = choose_of(s, s->tables[i], chosen, n, due);
	return n;
}

static void gather(struct shared_limits *s)
{
	struct scope *chosen[EXCHANGE_SCOPES];
	size_t n = choose(s, chosen, 0, is_stale); /* else those that wait would keep others out */
	char worker[ID_UUID_MAX];

	n = choose(s, chosen, n, is_in_a_hurry);
	s->exchange++;
	s->guards_n = s->scopes_n = 0;
	s->words.n = 0;
	buf_reset(&s->words.text);
	id_uuid(*s->options.worker, worker);
	word(&s->words, worker);
	word(&s->words, ""); /* the numbers follow when they are known */
	word(&s->words, "");
	for (size_t i = 0; i < n; i++) {
		struct guard *of[] = {chosen[i]->breaker, chosen[i]->health};

		for (size_t k = 0; k < 2; k++)
			if (of[k] && of[k]->exchange != s->exchange)
				put_guard(s, of[k]);
	}
	for (size_t i = 0; i < n; i++)
		put_pace(s, chosen[i]);
}

/* ---- what comes back ---- */

static double text_number(const struct scratch_reply *r)
{
	const char *text = scratch_bytes(r, NULL);

	return text ? strtod(text, NULL) : 0;
}

static void take_guard(struct shared_limits *s, struct guard *g, const struct scratch_reply *r)
{
	const int64_t now = now_of(s), left_ms = scratch_int(scratch_item(r, 5));
	const struct breaker_rule rule = guard_rule(*s->options.config, g->kind);
	const enum breaker_state state =
		breaker_state_from_text(scratch_bytes(scratch_item(r, 2), NULL));
	const enum breaker_mode mode =
		breaker_mode_from_text(scratch_bytes(scratch_item(r, 8), NULL));
	const struct guard_news news = {
		.won = scratch_int(scratch_item(r, 0)) != 0,
		.version = scratch_int(scratch_item(r, 1)),
		.now = {.state = state == BREAKER_STATES ? BREAKER_CLOSED : state,
			.opened = (int)scratch_int(scratch_item(r, 3)),
			.stage = (int)scratch_int(scratch_item(r, 4)) % BREAKER_STAGES,
			.until_ms = now + left_ms,
			.mode = mode == BREAKER_MODES ? BREAKER_AUTO : mode,
			.mode_until_ms = now + scratch_int(scratch_item(r, 9))},
		.probe_until_ms = s->sent_ms + left_ms,
		.counts = {(double)scratch_int(scratch_item(r, 6)) / 100,
			(double)scratch_int(scratch_item(r, 7)) / 100,
			(double)scratch_int(scratch_item(r, 10))},
	};

	guard_told(g, &rule, &news, now);
}

static void take_pace(struct shared_limits *s, struct scope *scope, const struct scratch_reply *r)
{
	const int64_t now = now_of(s), floor_ms = scratch_int(scratch_item(r, 0));

	scope->copied_ms = now;
	scope->floor_sending_ms = 0;
	scope->parked_sending = 0;
	if (now + floor_ms > scope->floor_ms)
		scope->floor_ms = now + floor_ms;
	scope->parked_ms = (double)(now + scratch_int(scratch_item(r, 1))) + scope->parked_untold;
	for (size_t i = 0; i < RATES; i++) {
		const struct quota_news news = {
			.granted = text_number(scratch_item(r, 2 + 4 * i)),
			.level = text_number(scratch_item(r, 3 + 4 * i)),
			.per_minute = text_number(scratch_item(r, 4 + 4 * i)),
			.capacity = text_number(scratch_item(r, 5 + 4 * i)),
		};

		quota_told(&scope->quota[i], &news);
	}
}

/* What an exchange told that was not answered is told again with the next one. */
static void untold(struct scope *scope)
{
	if (scope->floor_sending_ms > scope->floor_untold_ms)
		scope->floor_untold_ms = scope->floor_sending_ms;
	scope->parked_untold += scope->parked_sending;
	scope->floor_sending_ms = 0;
	scope->parked_sending = 0;
	for (size_t i = 0; i < RATES; i++)
		quota_untold(&scope->quota[i]);
}

/* An upstream says itself what was left of its limits; of a payer's only we know. */
static void forget(struct shared_limits *s, struct scope *scope)
{
	quota_forget(&scope->quota[RATE_REQUESTS]);
	if (scope->breaker)
		quota_forget(&scope->quota[RATE_TOKENS]);
	else
		quota_remember(&scope->quota[RATE_TOKENS], shared_limits_workers(s),
			scope->copied_ms, now_of(s));
}

static void forget_each(struct shared_limits *s, const struct scopes *scopes)
{
	for (struct ring *at = scopes->used.next; at != &scopes->used; at = at->next)
		forget(s, RING_OF(at, struct scope, used));
}

/* Why: Redis' words where it refused. What was booked is void once; from then on each is alone. */
static void lost(struct shared_limits *s, const char *why)
{
	const int64_t workers = (int64_t)shared_limits_workers(s);
	const bool forgets = s->standing.now == STANDING_NEW || s->standing.now == STANDING_SHARED;

	if (why)
		standing_refused(&s->standing, why, workers, now_of(s));
	else
		standing_away(&s->standing, workers);
	for (size_t i = 0; i < s->guards_n; i++)
		guard_untold(s->guards[i]);
	for (size_t i = 0; i < s->scopes_n; i++)
		untold(s->paced[i]);
	for (size_t i = 0; forgets && i < TABLES; i++)
		forget_each(s, s->tables[i]);
}

static void take_all(struct shared_limits *s, const struct scratch_reply *reply)
{
	const struct scratch_reply *guards = scratch_item(reply, 1),
				   *paces = scratch_item(reply, 2);

	standing_shared(&s->standing);
	s->greeted = true;
	s->workers = (double)scratch_int(scratch_item(reply, 0));
	for (size_t i = 0; i < s->guards_n; i++)
		take_guard(s, s->guards[i], scratch_item(guards, i));
	for (size_t i = 0; i < s->scopes_n; i++)
		take_pace(s, s->paced[i], scratch_item(paces, i));
}

static void on_reply(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct shared_limits *s = owner;

	s->under_way = false;
	for (size_t i = 0; i < s->scopes_n; i++)
		s->paced[i]->exchanging = false;
	if (e)
		lost(s, scratch_bytes(reply, NULL));
	else
		take_all(s, reply);
	if (is_refused(s))
		loop_timer_start(s->timer, IDLE_MS);
	s->guards_n = s->scopes_n = 0;
	if (s->options.wake)
		s->options.wake(s->options.owner);
}

/* ---- when ---- */

static enum err words_args(struct shared_limits *s)
{
	char numbers[2][24];

	if (buf_err(&s->words.text) || s->words.n == WORDS_MAX)
		return ERR_NOMEM;
	for (size_t i = 0; i < s->words.n; i++) {
		const char *text = s->words.text.bytes + s->words.at[i];

		s->args[i] = SCRATCH_TEXT(text);
	}
	(void)snprintf(numbers[0], sizeof(numbers[0]), "%zu", s->guards_n);
	(void)snprintf(numbers[1], sizeof(numbers[1]), "%zu", s->scopes_n);
	s->args[1] = SCRATCH_TEXT(numbers[0]);
	s->args[2] = SCRATCH_TEXT(numbers[1]);
	return scratch_run(s->scratch, s->script,
		(struct scratch_args){.list = s->args, .n = s->words.n, .n_keys = 0}, on_reply, s);
}

static void exchange(struct shared_limits *s)
{
	s->hurry = s->due = false;
	s->sent_ms = now_of(s);
	gather(s);
	s->under_way = true;
	if (words_args(s) != ERR_OK)
		on_reply(s, ERR_SCRATCH, NULL);
}

static bool any_active(const struct shared_limits *s)
{
	for (size_t i = 0; i < TABLES; i++) {
		const struct ring *end = &s->tables[i]->used;

		if (end->prev != end &&
			now_of(s) - RING_OF(end->prev, const struct scope, used)->used_ms <=
				ACTIVE_MS)
			return true;
	}
	return false;
}

static void on_timer(void *owner)
{
	struct shared_limits *s = owner;

	s->due = true;
	loop_timer_start(s->timer, is_refused(s) || !any_active(s) ? (int64_t)IDLE_MS : sync_ms(s));
}

void shared_limits_flush(struct shared_limits *s)
{
	if (!s || s->under_way || !(s->due || (s->hurry && !is_refused(s))) ||
		!scratch_is_up(s->scratch))
		return;
	if (!s->due && now_of(s) - s->sent_ms < HURRY_MS) {
		loop_timer_start(s->timer, HURRY_MS);
		return;
	}
	exchange(s);
	if (!loop_timer_active(s->timer) || s->scopes_n)
		loop_timer_start(s->timer, sync_ms(s));
}

static void on_change(void *owner, bool up)
{
	struct shared_limits *s = owner;

	if (up)
		s->hurry = s->due = true;
	else if (s->standing.now == STANDING_SHARED || is_refused(s))
		lost(s, NULL);
}

/* ---- opening ---- */

static enum err scratch_connect(struct shared_limits *s)
{
	const struct scratch_options hooks = {.on_change = on_change, .owner = s};
	struct buf why;
	enum err e;

	buf_init(&why, WHY_MAX);
	e = redis_open(*s->options.config, s->options.loop, &hooks, &why, &s->scratch);
	if (!e)
		e = scratch_script_add(s->scratch, shared_script, &s->script);
	if (e)
		log_error("Redis cannot be used for limits", LOG_ERR(e),
			LOG_TEXT("why", why.bytes ? why.bytes : ""));
	buf_clear(&why);
	return e;
}

enum err shared_limits_new(const struct permits_options *options, struct scopes *scopes,
	struct scopes *payers, struct shared_limits **ret_shared)
{
	struct shared_limits *s;
	enum err e;

	if (!(*options->config)->redis.limits_url[0]) {
		*ret_shared = NULL;
		return ERR_OK;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	s->options = *options;
	s->tables[0] = scopes;
	s->tables[1] = payers;
	s->began_ms = loop_now_ms(options->loop);
	buf_init(&s->words.text, WORDS_TEXT_MAX);
	e = loop_timer_new(options->loop, on_timer, s, &s->timer);
	if (!e)
		e = scratch_connect(s);
	if (e) {
		shared_limits_free(s);
		return e;
	}
	loop_timer_start(s->timer, 1);
	*ret_shared = s;
	return ERR_OK;
}

void shared_limits_free(struct shared_limits *s)
{
	if (!s)
		return;
	s->options.wake = NULL;
	scratch_close(s->scratch);
	loop_timer_free(s->timer);
	buf_clear(&s->words.text);
	free(s);
}

#include "leader.h"

#include "archive.h"
#include "config/config.h"
#include "connect/history.h"
#include "connect/postgres.h"
#include "dispatch.h"
#include "duty.h"
#include "grants.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "keys.h"
#include "lost_message.h"
#include "metrics.h"
#include "reaper.h"
#include "sequencer.h"
#include "stores/epoch.h"

#include <stdlib.h>

enum {
	BEYOND_MS = 1000,      /* a statement ends on the server so long before we give it up */
	FOLLOW_EVERY_MS = 500, /* how often a follower asks */
	AWAY_MS = 250,	       /* between two tries while Postgres is away */
	LONGEST_SLEEP_MS = 500,
	SHORTEST_SLEEP_MS = 1
};

void ask_work(void *ctx, enum err e, size_t n)
{
	struct ask *ask = ctx;

	ask->err = e;
	ask->n = n;
}

void ask_done(void *ctx, enum err e, const struct db_reply *reply)
{
	struct ask *ask = ctx;

	ask->err = e;
}

static int64_t wait_ms(const struct leader *leader)
{
	return leader->config->database.statement_timeout_ms + BEYOND_MS;
}

enum err leader_wait(struct leader *leader, enum err begun, const struct ask *ask)
{
	if (begun != ERR_OK)
		return begun;
	if (db_wait(leader->db, wait_ms(leader)) != ERR_OK && ask->err == ERR_OK)
		return ERR_DB;
	return ask->err;
}

void leader_hurry(struct leader *leader)
{
	for (size_t i = 0; i < duty_count; i++)
		if (duty_table[i].rest == 1)
			leader->duty_due_ms[i] = 0;
}

static void on_change(void *owner, bool up)
{
	struct leader *leader = owner;

	leader->session_ms = up ? clock_ms() : 0;
	leader->pinned = false;
	if (up)
		log_info("connected to Postgres");
	else
		log_warn("lost Postgres", LOG_TEXT("why", db_fault(leader->db)));
}

/* ---- the record's history ---- */

struct epoch_ask {
	struct ask ask;
	bool reviewed;
};

static void on_epoch(void *ctx, enum err e, const struct epoch *epoch)
{
	struct epoch_ask *ask = ctx;

	ask->ask.err = e;
	if (e == ERR_OK && epoch->fresh && epoch->fence_base)
		history_tell(epoch->timeline, epoch->history_ends_ms, epoch->held, ask->reviewed);
}

/* Before the term is asked for: behind a restore no leader may take a job for a dead worker's. */
static enum err history_pin(struct leader *leader)
{
	const bool rerun = leader->config->database.rerun_after_failover;
	struct epoch_ask ask = {.reviewed = !rerun};
	enum err err = leader_wait(leader, epoch_pin(leader->db, rerun, on_epoch, &ask), &ask.ask);

	leader->pinned = err == ERR_OK;
	return err;
}

/* ---- the term ---- */

struct term_ask {
	struct ask ask;
	struct term term;
};

static void on_term(void *ctx, enum err e, const struct term *term)
{
	struct term_ask *ask = ctx;

	ask->ask.err = e;
	if (e == ERR_OK)
		ask->term = *term;
}

static void lead(struct leader *leader, int64_t number)
{
	leader->term = number;
	for (size_t i = 0; i < duty_count; i++)
		leader->duty_due_ms[i] = 0;
	dispatch_forget(leader->dispatch);
	sequencer_forget(leader->sequencer);
	log_info("leading", LOG_INT("term", number), LOG_ID("scheduler", "sch", leader->self));
}

static void follow(struct leader *leader, const char *why)
{
	if (leader->term)
		log_warn("following", LOG_TEXT("why", why), LOG_INT("term", leader->term));
	leader->term = 0;
}

/* Extends the term or asks for one, and says when to come again. */
static enum err term_turn(struct leader *leader, int64_t *ret_again_ms)
{
	struct term_ask ask = {0};
	int64_t ms = leader->config->scheduler.term_ms;
	int64_t asked_ms = clock_ms();
	enum err err = leader_wait(
		leader, term_hold(leader->db, leader->self, ms, on_term, &ask), &ask.ask);

	if (err != ERR_OK)
		return err;
	if (ask.term.number == 0) {
		follow(leader, "another scheduler has the term");
		*ret_again_ms = FOLLOW_EVERY_MS;
		return ERR_OK;
	}
	if (ask.term.number != leader->term)
		lead(leader, ask.term.number);
	leader->held_ms = asked_ms;
	*ret_again_ms = ms / 3;
	return ERR_OK;
}

static void term_give_back(struct leader *leader)
{
	struct ask ask = {0};
	enum err err;

	if (!leader->term)
		return;
	err = leader_wait(
		leader, term_release(leader->db, leader->self, leader->term, ask_done, &ask), &ask);
	log_info("gave the term back", LOG_INT("term", leader->term), LOG_ERR(err));
	leader->term = 0;
}

/* ---- the turn ---- */

static enum err duty_turn(struct leader *leader, size_t i)
{
	const struct duty *duty = &duty_table[i];
	int64_t began_ms = clock_ms(), began_us = clock_us(), now_ms;
	bool busy = false;
	enum err err = duty->run(leader, &busy);

	now_ms = clock_ms();
	metrics_duty(leader->metrics, i, err, clock_us() - began_us);
	leader->duty_due_ms[i] =
		now_ms + duty_pause_ms(duty, leader->config, busy, now_ms - began_ms);
	if (err == ERR_OK || err == ERR_LOST)
		return err;
	leader->tally.failures++;
	log_warn("duty failed", LOG_TEXT("duty", duty->name), LOG_ERR(err),
		LOG_TEXT("why", db_fault(leader->db)));
	return db_is_up(leader->db) ? ERR_OK : ERR_DB;
}

/* Runs what is due; the sleep until the next is never longer than the term's own rhythm. */
static enum err duties_turn(struct leader *leader, int64_t *sleep_ms)
{
	for (size_t i = 0; i < duty_count; i++) {
		int64_t left_ms = leader->duty_due_ms[i] - clock_ms();

		if (left_ms <= 0) {
			enum err err = duty_turn(leader, i);

			if (err != ERR_OK)
				return err;
			left_ms = leader->duty_due_ms[i] - clock_ms();
		}
		if (left_ms < *sleep_ms)
			*sleep_ms = left_ms;
	}
	return ERR_OK;
}

static enum err leader_turn(struct leader *leader, int64_t *sleep_ms)
{
	int64_t extend_ms = leader->held_ms + leader->config->scheduler.term_ms / 3;
	enum err err = ERR_OK;

	if (!db_is_up(leader->db))
		err = db_wait(leader->db, leader->config->database.connect_timeout_ms);
	if (err != ERR_OK)
		return err;
	if (!leader->pinned)
		err = history_pin(leader);
	if (err == ERR_OK)
		err = scheduler_keys_turn(leader);
	if (err != ERR_OK)
		return err;
	if (!leader->term || clock_ms() >= extend_ms)
		err = term_turn(leader, sleep_ms);
	if (err == ERR_OK && leader->term)
		err = duties_turn(leader, sleep_ms);
	return err;
}

static void on_timer(void *owner)
{
	struct leader *leader = owner;
	int64_t sleep_ms = LONGEST_SLEEP_MS;
	enum err err = leader_turn(leader, &sleep_ms);

	if (err == ERR_LOST)
		follow(leader, "the term is over");
	if (err != ERR_OK && err != ERR_LOST)
		sleep_ms = AWAY_MS;
	loop_timer_start(
		leader->timer, sleep_ms < SHORTEST_SLEEP_MS ? SHORTEST_SLEEP_MS : sleep_ms);
}

/* ---- birth and death ---- */

static enum err connect_record(struct leader *leader)
{
	struct db_options options =
		postgres_options(leader->config, "longhaul_scheduler", "longhaul-scheduler");

	options.transaction_ms = wait_ms(leader);
	options.on_change = on_change;
	options.owner = leader;
	return db_open(NULL, &options, &leader->db);
}

static enum err start(struct leader *leader)
{
	enum err err;

	leader->self = id_new(0);
	leader->duty_due_ms = calloc(duty_count, sizeof *leader->duty_due_ms);
	if (!leader->duty_due_ms)
		return ERR_NOMEM;
	err = metrics_new(&leader->metrics);
	if (err == ERR_OK)
		err = connect_record(leader);
	if (err == ERR_OK)
		err = dispatch_new(leader->loop, leader->config, &leader->dispatch);
	if (err == ERR_OK)
		err = grants_new(&leader->grants);
	if (err == ERR_OK)
		err = scheduler_keys_new(leader, &leader->keys);
	if (err == ERR_OK)
		err = lost_messages_new(&leader->lost);
	if (err == ERR_OK)
		err = reaper_new(&leader->reaper);
	if (err == ERR_OK)
		err = sequencer_new(leader->config, &leader->sequencer);
	if (err == ERR_OK)
		err = archive_new(&leader->archive);
	if (err == ERR_OK)
		err = loop_timer_new(leader->loop, on_timer, leader, &leader->timer);
	if (err == ERR_OK)
		err = metrics_serve(leader->metrics, leader);
	if (err == ERR_OK)
		loop_timer_start(leader->timer, 0);
	return err;
}

enum err leader_new(struct loop *loop, struct config *config, struct leader **ret_leader)
{
	struct leader *leader = calloc(1, sizeof *leader);
	enum err err;

	if (!leader)
		return ERR_NOMEM;
	leader->loop = loop;
	leader->config = config_hold(config);
	err = start(leader);
	if (err != ERR_OK) {
		leader_free(leader);
		return err;
	}
	*ret_leader = leader;
	return ERR_OK;
}

void leader_configure(struct leader *leader, struct config *config)
{
	config_release(leader->config);
	leader->config = config_hold(config);
}

/* Order: the term first, so that another may act; then what sends; then the record. */
void leader_free(struct leader *leader)
{
	if (!leader)
		return;
	if (leader->db)
		term_give_back(leader);
	metrics_free(leader->metrics);
	loop_timer_free(leader->timer);
	dispatch_free(leader->dispatch);
	grants_free(leader->grants);
	lost_messages_free(leader->lost);
	reaper_free(leader->reaper);
	sequencer_free(leader->sequencer);
	archive_free(leader->archive);
	scheduler_keys_free(leader->keys);
	db_close(leader->db);
	config_release(leader->config);
	free(leader->duty_due_ms);
	free(leader);
}

#include "sequencer.h"

#include "checkpoint_dir.h"
#include "config/config.h"
#include "ground/clock.h"
#include "ground/durable.h"
#include "ground/log.h"
#include "ground/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATEST CHECKPOINT_LATEST
enum {
	SIGN_ROWS = 1000,
	OUTSIDE_EVERY_MS = 1000,
	KEY_EVERY_MS = 2000,
	HOUR_MS = 3600000,
	NAME_MAX_BYTES = 64
};

struct sequencer {
	bool loaded;
	struct merkle_frontier frontier;
	struct audit_place place;
	int64_t first_xid;
	uint64_t signed_size, outside_size; /* outside: what stands in the folder */
	int64_t signed_ms, unsigned_ms;	    /* unsigned: since when rows wait for a signature */
	int64_t kept_hour;
	bool outside_fails;
	int64_t outside_due_ms; /* each costs the disk three syncs, and only the latest counts */
	bool signs;		/* there is a key */
	bool retired;		/* another's signed after it: it may not */
	bool key_is_new;	/* nothing was signed by it yet */
	bool key_fails;
	int64_t key_due_ms; /* when its file is looked at again */
	struct checkpoint_signer signer;
	char key[CHECKPOINT_KEY_TEXT_MAX];
	struct buf note; /* the last checkpoint */
	struct merkle_hash leaves[AUDIT_TAKE_MAX];
	/* what a run adds, until it is committed */
	size_t n;
	struct merkle_frontier next;
	struct audit_place last;
};

struct sequencer_state sequencer_state(const struct sequencer *s)
{
	return (struct sequencer_state){s->frontier.size, s->outside_size};
}

/* ---- birth and death ---- */

static enum err signer_read(
	struct sequencer *s, const struct config_audit *audit, struct checkpoint_signer *ret_signer)
{
	struct secret seed = {NULL, 0};
	struct buf why;
	enum err e;

	buf_init(&why, DURABLE_PATH_MAX + 256);
	e = secret_read(audit->signing_key_file, &why, &seed);
	if (e == ERR_OK)
		e = checkpoint_signer_read(audit->log, seed.bytes, seed.len, ret_signer);
	if (e == ERR_CONFIG && !s->key_fails)
		log_error("audit.signing_key_file cannot be used",
			LOG_TEXT("why", why.len ? why.bytes : "expected 32 bytes in base 64"));
	s->key_fails = e != ERR_OK;
	secret_clear(&seed);
	buf_clear(&why);
	return e;
}

static void signer_take(struct sequencer *s, const struct checkpoint_signer *signer)
{
	s->signer = *signer;
	s->signs = true;
	s->key_is_new = true;
	checkpoint_key_format(&s->signer.key, s->key);
}

static enum err signer_load(struct sequencer *s, const struct config_audit *audit)
{
	struct checkpoint_signer signer;
	enum err e;

	if (!*audit->signing_key_file)
		return ERR_OK;
	e = signer_read(s, audit, &signer);
	if (e == ERR_OK)
		signer_take(s, &signer);
	checkpoint_signer_clear(&signer);
	return e;
}

/* The file may hold another key by now: it signs from the next checkpoint on. What cannot be read
 * leaves the key that was. */
static void signer_look(struct sequencer *s, const struct config_audit *audit)
{
	struct checkpoint_signer signer;

	if (!s->signs || clock_ms() < s->key_due_ms)
		return;
	s->key_due_ms = clock_ms() + KEY_EVERY_MS;
	if (signer_read(s, audit, &signer) == ERR_OK &&
		memcmp(signer.key.public_key, s->signer.key.public_key,
			sizeof signer.key.public_key) != 0) {
		signer_take(s, &signer);
		s->loaded = false;
		log_info("another key signs the audit's checkpoints", LOG_TEXT("key", s->key));
	}
	checkpoint_signer_clear(&signer);
}

enum err sequencer_new(struct config *config, struct sequencer **ret_sequencer)
{
	struct sequencer *s = calloc(1, sizeof *s);
	enum err e;

	if (!s)
		return ERR_NOMEM;
	buf_init(&s->note, CHECKPOINT_TEXT_MAX);
	e = signer_load(s, &config->audit);
	if (e != ERR_OK) {
		sequencer_free(s);
		return e;
	}
	if (!s->signs)
		log_warn(
			"checkpoints of the audit are not signed: audit.signing_key_file is empty");
	*ret_sequencer = s;
	return ERR_OK;
}

void sequencer_free(struct sequencer *s)
{
	if (!s)
		return;
	checkpoint_signer_clear(&s->signer);
	buf_clear(&s->note);
	free(s);
}

void sequencer_forget(struct sequencer *s)
{
	s->loaded = false;
}

/* ---- what stands outside of the record ---- */

static enum err outside_look(struct sequencer *s, const char *folder)
{
	char name[NAME_MAX_BYTES];

	s->outside_size =
		*folder && s->signs ? checkpoint_dir_size(folder, &s->signer.key) : s->signed_size;
	if (s->outside_size <= s->frontier.size)
		return ERR_OK;
	log_error("the record's audit lost rows that were signed",
		LOG_INT("signed", (int64_t)s->outside_size),
		LOG_INT("rows", (int64_t)s->frontier.size));
	(void)snprintf(
		name, sizeof name, LATEST "-%llu-ahead", (unsigned long long)s->outside_size);
	s->outside_size = 0;
	return durable_rename(folder, LATEST, name);
}

/* Tried again with every run until it stands there; said once. */
static void outside_write(struct sequencer *s, const char *folder)
{
	const int64_t hour = s->signed_ms / HOUR_MS;
	char name[NAME_MAX_BYTES];
	enum err e = ERR_OK;

	if (!*folder)
		s->outside_size = s->signed_size;
	if (s->outside_size >= s->signed_size || clock_ms() < s->outside_due_ms)
		return;
	s->outside_due_ms = clock_ms() + OUTSIDE_EVERY_MS;
	(void)snprintf(name, sizeof name, LATEST "-%llu", (unsigned long long)s->signed_size);
	if (hour != s->kept_hour)
		e = durable_write(folder, name, s->note.bytes, s->note.len);
	/* its key first: a checkpoint by one that nobody knows would be believed by nobody */
	if (e == ERR_OK && !s->retired)
		e = checkpoint_dir_publish(folder, &s->signer.key);
	if (e == ERR_OK)
		e = durable_write(folder, LATEST, s->note.bytes, s->note.len);
	if (e != ERR_OK && !s->outside_fails)
		log_error("a checkpoint cannot be written outside of the record",
			LOG_TEXT("folder", folder), LOG_TEXT("why", strerror(errno)));
	s->outside_fails = e != ERR_OK;
	if (e != ERR_OK)
		return;
	s->kept_hour = hour;
	s->outside_size = s->signed_size;
}

/* ---- the head ---- */

struct head_ask {
	struct ask ask;
	struct sequencer *s;
};

static void on_head(void *ctx, enum err e, const struct audit_head *head)
{
	struct head_ask *ask = ctx;
	struct sequencer *s = ask->s;

	ask->ask.err = e;
	if (e != ERR_OK)
		return;
	s->frontier = head->frontier;
	s->place = head->place;
	s->first_xid = head->first_xid;
	s->signed_size = head->signed_size;
	s->signed_ms = head->signed_ms;
	s->unsigned_ms = clock_record_ms();
	buf_reset(&s->note);
	if (head->retired && !s->retired)
		log_error(
			"the audit's checkpoints are not signed: the key in audit.signing_key_file is "
			"retired, another one signed after it",
			LOG_TEXT("key", s->key));
	s->retired = head->retired;
	ask->ask.err = buf_text(&s->note, head->note);
}

static enum err load(struct leader *leader, struct sequencer *s)
{
	struct head_ask ask = {.s = s};
	enum err e =
		leader_wait(leader, audit_head_read(leader->db, s->key, on_head, &ask), &ask.ask);

	if (e == ERR_CONFLICT)
		log_error(
			"the audit cannot go on: this cluster's transactions are behind its rows'");
	if (e == ERR_OK)
		e = outside_look(s, leader->config->audit.checkpoint_dir);
	s->loaded = e == ERR_OK;
	return e;
}

/* ---- a run ---- */

static void on_taken(void *ctx, enum err e, const struct audit_entry *entries, size_t n)
{
	struct head_ask *ask = ctx;
	struct sequencer *s = ask->s;
	uint8_t line[AUDIT_LINE_MAX];

	ask->ask.err = e;
	for (size_t i = 0; e == ERR_OK && i < n; i++) {
		const size_t len = audit_line_write(&entries[i].row, line);
		const int64_t at_us = s->last.at_us;

		s->leaves[i] = merkle_leaf(line, len);
		merkle_append(&s->next, &s->leaves[i]);
		s->last = entries[i].place;
		if (s->last.at_us < at_us)
			s->last.at_us = at_us;
	}
	s->n = e == ERR_OK ? n : 0;
}

static bool may_sign(const struct sequencer *s)
{
	return s->signs && !s->retired;
}

static size_t room_of(const struct sequencer *s)
{
	const uint64_t waiting = s->frontier.size - s->signed_size;

	return may_sign(s) && waiting < SIGN_ROWS ? (size_t)(SIGN_ROWS - waiting) : AUDIT_TAKE_MAX;
}

static bool must_sign(const struct sequencer *s, const struct config *config)
{
	const uint64_t waiting = s->next.size - s->signed_size;

	return may_sign(s) && waiting > 0 &&
	       (waiting >= SIGN_ROWS || s->key_is_new ||
		       clock_record_ms() - s->unsigned_ms >= config->audit.checkpoint_ms);
}

static enum err sign(struct sequencer *s, int64_t now_ms)
{
	struct checkpoint c = {.tree = {s->next.size, merkle_root(&s->next)}, .at_ms = now_ms};

	memcpy(c.log, s->signer.key.log, sizeof c.log);
	buf_reset(&s->note);
	return checkpoint_sign(&c, &s->signer, &s->note);
}

static enum err append(struct leader *leader, struct sequencer *s, bool with_note)
{
	const struct audit_batch batch = {.position = s->frontier.size,
		.n = s->n,
		.last = s->last,
		.leaves = s->leaves,
		.frontier = &s->next};
	const struct audit_note_signed note = {
		.size = s->next.size, .note = s->note.bytes, .key = s->key};
	struct ask ask = {0};
	enum err e = leader_wait(leader,
		audit_append(leader->db, leader->term, s->n ? &batch : NULL,
			with_note ? &note : NULL, ask_work, &ask),
		&ask);

	return e == ERR_OK && ask.n == 0 ? ERR_CONFLICT : e;
}

/* What is committed is so; anything else is read again before the next run. */
static enum err commit(struct leader *leader, struct sequencer *s)
{
	const bool with_note = must_sign(s, leader->config);
	const int64_t now_ms = clock_record_ms();
	enum err e = with_note ? sign(s, now_ms) : ERR_OK;

	if (e == ERR_OK && (s->n || with_note))
		e = append(leader, s, with_note);
	if (e != ERR_OK) {
		s->loaded = false;
		return e;
	}
	if (s->frontier.size == s->signed_size)
		s->unsigned_ms = now_ms;
	if (s->frontier.size == 0)
		s->first_xid = s->last.xid;
	s->frontier = s->next;
	s->place = s->last;
	if (with_note) {
		s->signed_size = s->next.size;
		s->signed_ms = now_ms;
		s->key_is_new = false;
	}
	return ERR_OK;
}

enum err sequencer_run(struct leader *leader, bool *ret_busy)
{
	struct sequencer *s = leader->sequencer;
	struct head_ask ask = {.s = s};
	struct audit_place after;
	size_t room;
	enum err e;

	signer_look(s, &leader->config->audit);
	e = s->loaded ? ERR_OK : load(leader, s);
	if (e != ERR_OK)
		return e;
	room = room_of(s);
	s->next = s->frontier;
	s->last = s->place;
	after = s->place;
	if (after.xid == s->first_xid)
		after.at_us = 0;
	e = leader_wait(leader, audit_take(leader->db, &after, room, on_taken, &ask), &ask.ask);
	if (e == ERR_OK)
		e = commit(leader, s);
	if (e == ERR_OK)
		outside_write(s, leader->config->audit.checkpoint_dir);
	*ret_busy = s->n >= room;
	return e;
}

#include "sequencer.h"

#include "config/config.h"
#include "ground/clock.h"
#include "ground/durable.h"
#include "ground/log.h"
#include "ground/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LATEST "checkpoint"
enum { SIGN_ROWS = 1000, OUTSIDE_EVERY_MS = 1000, HOUR_MS = 3600000, NAME_MAX_BYTES = 64 };

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
	bool signs;
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

static enum err signer_load(struct sequencer *s, const struct config_audit *audit)
{
	struct secret seed = {NULL, 0};
	struct buf why;
	enum err e;

	if (!*audit->signing_key_file)
		return ERR_OK;
	buf_init(&why, DURABLE_PATH_MAX + 256);
	e = secret_read(audit->signing_key_file, &why, &seed);
	if (e == ERR_OK)
		e = checkpoint_signer_read(audit->log, seed.bytes, seed.len, &s->signer);
	if (e == ERR_CONFIG)
		log_error("audit.signing_key_file cannot be used",
			LOG_TEXT("why", why.len ? why.bytes : "expected 32 bytes in base 64"));
	s->signs = e == ERR_OK;
	if (s->signs)
		checkpoint_key_format(&s->signer.key, s->key);
	secret_clear(&seed);
	buf_clear(&why);
	return e;
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

/* The latest checkpoint's size there; 0 when there is none that we signed. */
static uint64_t outside_read(const struct sequencer *s, const char *folder)
{
	char path[DURABLE_PATH_MAX], text[CHECKPOINT_TEXT_MAX];
	struct checkpoint c = {.tree = {.size = 0}};
	ssize_t n = 0;
	int fd;

	(void)snprintf(path, sizeof path, "%s/" LATEST, folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text);
	(void)close(fd);
	if (n <= 0 || checkpoint_read(text, (size_t)n, &s->signer.key, 1, &c) != ERR_OK)
		return 0;
	return c.tree.size;
}

static enum err outside_look(struct sequencer *s, const char *folder)
{
	char name[NAME_MAX_BYTES];

	s->outside_size = *folder && s->signs ? outside_read(s, folder) : s->signed_size;
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
	ask->ask.err = buf_text(&s->note, head->note);
}

static enum err load(struct leader *leader, struct sequencer *s)
{
	struct head_ask ask = {.s = s};
	enum err e = leader_wait(leader, audit_head_read(leader->db, on_head, &ask), &ask.ask);

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

static size_t room_of(const struct sequencer *s)
{
	const uint64_t waiting = s->frontier.size - s->signed_size;

	return s->signs && waiting < SIGN_ROWS ? (size_t)(SIGN_ROWS - waiting) : AUDIT_TAKE_MAX;
}

static bool must_sign(const struct sequencer *s, const struct config *config)
{
	const uint64_t waiting = s->next.size - s->signed_size;

	return s->signs && waiting > 0 &&
	       (waiting >= SIGN_ROWS ||
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
	}
	return ERR_OK;
}

enum err sequencer_run(struct leader *leader, bool *ret_busy)
{
	struct sequencer *s = leader->sequencer;
	struct head_ask ask = {.s = s};
	enum err e = s->loaded ? ERR_OK : load(leader, s);
	struct audit_place after;
	size_t room;

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

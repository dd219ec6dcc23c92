/* audit verify: from files alone, without a database and without a network. */
#include "handlers.h"
#include "output.h"
#include "proof_file.h"

#include "domain/audit_check.h"
#include "domain/audit_line.h"
#include "ground/clock.h"
#include "ports/gz.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 20 };

struct verify {
	const struct call *call;
	struct audit_check check;
	struct checkpoint outside;
	struct buf leaves, row; /* for --proof */
};

/* ---- small files: keys, checkpoints, proofs ---- */

static enum outcome small_read(const struct call *call, const char *path, struct buf *out)
{
	struct gz *gz = NULL;
	size_t n = 1;
	enum err e = gz_open(path, &gz);

	while (e == ERR_OK && n > 0) {
		e = buf_reserve(out, 4096);
		if (e == ERR_OK)
			e = gz_read(gz, out->bytes + out->len, 4096, &n);
		out->len += e == ERR_OK ? n : 0;
	}
	gz_close(gz);
	if (e == ERR_OK)
		e = buf_append(out, "", 0);
	return e == ERR_OK ? OUTCOME_OK
			   : call_usage(call, "%s: %s", path,
				     e == ERR_SYSTEM ? strerror(errno) : err_text(e));
}

/* One key a line. */
static bool keys_take(struct verify *v, const char *text, size_t len)
{
	struct audit_check *c = &v->check;
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const size_t n = (size_t)((stop ? stop : end) - text);

		if (n > 0 && (c->keys_n == AUDIT_KEYS_MAX ||
				     !checkpoint_key_parse(text, n, &c->keys[c->keys_n])))
			return false;
		c->keys_n += n > 0;
		text += n + 1;
	}
	return c->keys_n > 0;
}

static enum outcome keys_read(struct verify *v)
{
	const char *path = call_text(v->call, "key-file");
	enum outcome outcome;
	struct buf text;

	if (!path)
		return OUTCOME_OK;
	buf_init(&text, 64 << 10);
	outcome = small_read(v->call, path, &text);
	if (outcome == OUTCOME_OK && !keys_take(v, text.bytes, text.len))
		outcome = call_usage(v->call,
			"%s: a key looks like NAME+ID+BASE64, as longhaul audit key prints it",
			path);
	buf_clear(&text);
	return outcome;
}

static enum outcome outside_read(struct verify *v)
{
	const char *path = call_text(v->call, "checkpoint");
	enum outcome outcome = OUTCOME_OK;
	struct buf text;
	enum err e;

	if (!path)
		return OUTCOME_OK;
	buf_init(&text, CHECKPOINT_TEXT_MAX + 4096);
	if (v->check.keys_n == 0)
		outcome = call_usage(
			v->call, "--checkpoint needs the keys to believe it by: --key-file");
	if (outcome == OUTCOME_OK)
		outcome = small_read(v->call, path, &text);
	if (outcome == OUTCOME_OK) {
		e = checkpoint_read(
			text.bytes, text.len, v->check.keys, v->check.keys_n, &v->outside);
		if (e != ERR_OK)
			outcome = call_fail(v->call, OUTCOME_FAILED,
				e == ERR_FORBIDDEN ? "%s is signed by no key that was given"
						   : "%s is no checkpoint",
				path);
		v->check.outside = &v->outside;
	}
	buf_clear(&text);
	return outcome;
}

/* ---- whole files ---- */

static enum outcome file_feed(struct verify *v, const char *path, char *block)
{
	struct gz *gz = NULL;
	size_t n = 1;
	enum err e = gz_open(path, &gz);

	if (e != ERR_OK)
		return call_usage(v->call, "%s: %s", path, strerror(errno));
	audit_check_file(&v->check);
	while (e == ERR_OK && n > 0 && !v->check.faulty) {
		e = gz_read(gz, block, BLOCK_BYTES, &n);
		if (e == ERR_OK)
			(void)audit_check_feed(&v->check, block, n);
	}
	gz_close(gz);
	(void)audit_check_end(&v->check); /* damaged and cut are one: what came is all there is */
	return OUTCOME_OK;
}

static enum outcome files_feed(struct verify *v)
{
	enum outcome outcome = OUTCOME_OK;
	char *block = malloc(BLOCK_BYTES);

	if (!block)
		return call_fail(v->call, OUTCOME_UNAVAILABLE, "%s", err_text(ERR_NOMEM));
	for (size_t i = 0; outcome == OUTCOME_OK && !v->check.faulty && i < v->call->n; i++)
		outcome = file_feed(v, v->call->arguments[i], block);
	if (outcome == OUTCOME_OK)
		(void)audit_check_met(&v->check);
	free(block);
	return outcome;
}

/* ---- what it comes to ---- */

static enum outcome fault_show(const struct verify *v)
{
	const struct audit_check *c = &v->check;

	if (call_flag(v->call, "json")) {
		(void)output_json_new(v->call, json_pack("{s:b, s:I, s:s}", "intact", 0, "row",
						       (json_int_t)c->fault_at, "fault", c->fault));
		return OUTCOME_FAILED;
	}
	return call_fail(v->call, OUTCOME_FAILED, "%s", c->fault);
}

static enum outcome sum_show(const struct verify *v)
{
	const struct audit_check *c = &v->check;
	char at[CLOCK_TEXT_MAX];

	clock_format(c->signed_ms, at);
	if (call_flag(v->call, "json"))
		return output_json_new(v->call,
			json_pack("{s:b, s:I, s:I, s:I, s:I, s:s, s:b}", "intact", 1, "first",
				(json_int_t)c->first, "rows", (json_int_t)(c->tree.size - c->first),
				"checkpoints", (json_int_t)c->checkpoints, "signed_rows",
				(json_int_t)c->signed_size, "signed_at", at, "key_from_file",
				(int)c->own_keys));
	fprintf(v->call->out,
		"rows %" PRIu64 " to %" PRIu64 " are what was signed: %" PRIu64
		" checkpoints, the last of %s\n",
		c->first, c->signed_size - 1, c->checkpoints, at);
	if (c->tree.size > c->signed_size)
		fprintf(v->call->out, "the last %" PRIu64 " rows are not signed yet\n",
			c->tree.size - c->signed_size);
	if (c->own_keys)
		fprintf(v->call->err, "the key came with the file: give yours with --key-file\n");
	return OUTCOME_OK;
}

static enum outcome judge(const struct verify *v)
{
	const struct audit_check *c = &v->check;

	if (c->faulty)
		return fault_show(v);
	if (c->checkpoints == 0)
		return call_fail(v->call, OUTCOME_FAILED,
			"no checkpoint vouches for a row: nothing is proved");
	return sum_show(v);
}

/* ---- the proof of one row ---- */

static enum outcome proof_write(struct verify *v, uint64_t row, const char *path)
{
	const struct audit_check *c = &v->check;
	struct proof_file proof = {
		.index = row, .line = v->row.bytes, .len = v->row.len, .note = c->note.bytes};

	if (c->first != 0)
		return call_usage(v->call, "a proof needs the files from row 0 on");
	if (row >= c->signed_size)
		return call_fail(v->call, OUTCOME_NOT_FOUND, "row %" PRIu64 " is not signed", row);
	(void)merkle_inclusion((const struct merkle_hash *)(const void *)v->leaves.bytes,
		(size_t)c->signed_size, (size_t)row, &proof.path);
	return proof_file_save(v->call, &proof, path);
}

static enum outcome whole_verify(struct verify *v)
{
	const char *proof = call_text(v->call, "proof");
	const int64_t row = call_number(v->call, "row", -1);
	enum outcome outcome;

	if ((proof != NULL) != (row >= 0))
		return call_usage(v->call, "--row and --proof belong together");
	if (proof) {
		v->check.leaves = &v->leaves;
		v->check.row = &v->row;
		v->check.wanted = (uint64_t)row;
	}
	outcome = outside_read(v);
	if (outcome == OUTCOME_OK)
		outcome = files_feed(v);
	if (outcome == OUTCOME_OK)
		outcome = judge(v);
	if (outcome == OUTCOME_OK && proof)
		outcome = proof_write(v, (uint64_t)row, proof);
	return outcome;
}

enum outcome audit_verify_run(struct call *call)
{
	struct verify *v = calloc(1, sizeof *v);
	enum outcome outcome;

	if (!v)
		return call_fail(call, OUTCOME_UNAVAILABLE, "%s", err_text(ERR_NOMEM));
	v->call = call;
	audit_check_init(&v->check);
	buf_init(&v->leaves, SIZE_MAX - 1);
	buf_init(&v->row, AUDIT_LINE_MAX);
	outcome = keys_read(v);
	if (outcome == OUTCOME_OK && proof_file_is(call->arguments[0]))
		outcome = proof_file_verify(call, v->check.keys, v->check.keys_n);
	else if (outcome == OUTCOME_OK)
		outcome = whole_verify(v);
	audit_check_clear(&v->check);
	buf_clear(&v->leaves);
	buf_clear(&v->row);
	free(v);
	return outcome;
}

/* An audit file is checked in one pass, however its bytes arrive; a row is one line that is hashed.
 */
#include "domain/audit_check.h"
#include "domain/audit_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 5, BYTES_MAX = 1 << 16 };

static const char seed[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/* Rows 0 to 4, signed after the third and the fifth. */
struct log {
	struct audit_row rows[ROWS];
	struct merkle_hash leaves[ROWS];
	struct merkle_frontier tree;
	struct checkpoint_signer signer;
	struct buf notes[2], file;
};

static void note_make(struct log *log, struct buf *note)
{
	const struct checkpoint c = {
		.log = "t.audit", .tree = {log->tree.size, merkle_root(&log->tree)}, .at_ms = 1000};

	buf_init(note, CHECKPOINT_TEXT_MAX);
	assert_int_equal(checkpoint_sign(&c, &log->signer, note), ERR_OK);
}

static void page_put(struct log *log, size_t from, size_t n, const struct buf *note)
{
	const struct audit_page page = {.position = from,
		.leaves = log->leaves + from,
		.leaves_n = n,
		.rows = log->rows + from,
		.rows_n = n,
		.note = note->bytes};

	assert_int_equal(audit_file_page(&page, &log->file), ERR_OK);
}

static void log_make(struct log *log)
{
	char key[CHECKPOINT_KEY_TEXT_MAX];
	const char *keys[] = {key};
	const struct merkle_frontier none = {.size = 0};
	const struct audit_file_head head = {"t.audit", &none, keys, 1};
	uint8_t line[AUDIT_LINE_MAX];

	memset(log, 0, sizeof *log);
	assert_int_equal(
		checkpoint_signer_read("t.audit", seed, strlen(seed), &log->signer), ERR_OK);
	checkpoint_key_format(&log->signer.key, key);
	for (size_t i = 0; i < ROWS; i++) {
		log->rows[i] = (struct audit_row){.at_us = (int64_t)i + 1,
			.kind = "key",
			.action = "job.submit",
			.outcome = "ok",
			.object = {{1, (uint8_t)i}},
			.count = 1};
		log->leaves[i] = merkle_leaf(line, audit_line_write(&log->rows[i], line));
		merkle_append(&log->tree, &log->leaves[i]);
		if (i == 2 || i == 4)
			note_make(log, &log->notes[i / 4]);
	}
	buf_init(&log->file, BYTES_MAX);
	assert_int_equal(audit_file_head(&head, &log->file), ERR_OK);
	page_put(log, 0, 3, &log->notes[0]);
	page_put(log, 3, 2, &log->notes[1]);
	assert_int_equal(audit_file_end(ROWS, &log->file), ERR_OK);
}

static void log_clear(struct log *log)
{
	buf_clear(&log->notes[0]);
	buf_clear(&log->notes[1]);
	buf_clear(&log->file);
}

/* Feeds a copy in pieces of so many bytes. */
static bool check(struct audit_check *c, const struct buf *file, size_t piece)
{
	char *copy = malloc(file->len);

	assert_non_null(copy);
	memcpy(copy, file->bytes, file->len);
	audit_check_init(c);
	audit_check_file(c);
	for (size_t at = 0; at < file->len; at += piece)
		(void)audit_check_feed(
			c, copy + at, file->len - at < piece ? file->len - at : piece);
	free(copy);
	return audit_check_end(c) && audit_check_met(c);
}

static void test_a_row_is_one_line_of_its_columns(void **state)
{
	const struct audit_row row = {.at_us = 1769860800123456,
		.tenant = {{1}},
		.kind = "operator",
		.actor = {{2}},
		.action = "tenant.patch",
		.object = {{1}},
		.outcome = "ok",
		.reason = "dead\nline",
		.count = 3};
	uint8_t line[AUDIT_LINE_MAX];
	const size_t len = audit_line_write(&row, line);

	assert_string_equal((char *)line + 1,
		"2026-01-31T12:00:00.123456Z\ttnt_01000000000000000000000000\toperator"
		"\tact_02000000000000000000000000\t-\t-\t-\ttenant.patch"
		"\ttnt_01000000000000000000000000\tok\tdead?line\t3");
	assert_int_equal(len, 1 + strlen((char *)line + 1));
}

static void test_a_whole_file_is_checked_in_pieces_of_any_size(void **state)
{
	struct audit_check c;
	struct log log;

	log_make(&log);
	for (size_t piece = 1; piece < 300; piece += 1 + piece / 8) {
		assert_true(check(&c, &log.file, piece));
		assert_int_equal(c.tree.size, ROWS);
		assert_int_equal(c.checkpoints, 2);
		assert_int_equal(c.signed_size, ROWS);
		assert_true(c.own_keys);
		audit_check_clear(&c);
	}
	log_clear(&log);
}

/* But for the first lines' words and keys, no bit of the file can change unseen. */
static void test_no_bit_changes_unseen(void **state)
{
	struct audit_check c;
	struct log log;
	size_t from;

	log_make(&log);
	from = (size_t)(strstr(log.file.bytes, "@columns") - log.file.bytes);
	for (size_t i = from; i < log.file.len; i++) {
		log.file.bytes[i] ^= 1;
		assert_false(check(&c, &log.file, 64));
		audit_check_clear(&c);
		log.file.bytes[i] ^= 1;
	}
	log_clear(&log);
}

static void test_a_file_that_is_cut_anywhere_is_not_whole(void **state)
{
	struct audit_check c;
	struct log log;

	log_make(&log);
	while (--log.file.len > 0) {
		assert_false(check(&c, &log.file, 4096));
		audit_check_clear(&c);
	}
	log_clear(&log);
}

static void test_a_row_and_its_hash_changed_together_miss_the_next_checkpoint(void **state)
{
	struct audit_check c;
	uint8_t line[AUDIT_LINE_MAX];
	struct log log;

	log_make(&log);
	log.rows[3].action = "job.delete";
	log.leaves[3] = merkle_leaf(line, audit_line_write(&log.rows[3], line));
	log.file.len = (size_t)(strstr(log.file.bytes, "\n3\t") + 1 - log.file.bytes);
	page_put(&log, 3, 2, &log.notes[1]);
	assert_int_equal(audit_file_end(ROWS, &log.file), ERR_OK);
	assert_false(check(&c, &log.file, 4096));
	assert_int_equal(c.fault_at, 3);
	assert_non_null(strstr(c.fault, "rows 3 to 4"));
	audit_check_clear(&c);
	log_clear(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_row_is_one_line_of_its_columns),
		cmocka_unit_test(test_a_whole_file_is_checked_in_pieces_of_any_size),
		cmocka_unit_test(test_no_bit_changes_unseen),
		cmocka_unit_test(test_a_file_that_is_cut_anywhere_is_not_whole),
		cmocka_unit_test(test_a_row_and_its_hash_changed_together_miss_the_next_checkpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

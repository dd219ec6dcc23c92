/* A checkpoint is read back as it was signed, by the key that signed it and by no other. */
#include "domain/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char seed[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const char other[] = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static struct checkpoint_signer signer_of(const char *text)
{
	struct checkpoint_signer signer;

	assert_int_equal(checkpoint_signer_read("a.log", text, strlen(text), &signer), ERR_OK);
	return signer;
}

static void note_make(struct buf *out)
{
	const struct checkpoint_signer signer = signer_of(seed);
	const struct checkpoint c = {
		.log = "a.log", .tree = {4711, {{1, 2, 3}}}, .at_ms = 1769860800123};

	buf_init(out, CHECKPOINT_TEXT_MAX);
	assert_int_equal(checkpoint_sign(&c, &signer, out), ERR_OK);
}

static void test_a_checkpoint_is_a_signed_note(void **state)
{
	static const char text[] = "a.log\n4711\n"
				   "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
				   "2026-01-31T12:00:00.123Z\n\n\xe2\x80\x94 a.log ";
	struct buf note;

	note_make(&note);
	assert_memory_equal(note.bytes, text, strlen(text));
	buf_clear(&note);
}

static void test_what_was_signed_is_read_back(void **state)
{
	const struct checkpoint_signer right = signer_of(seed), wrong = signer_of(other);
	const struct checkpoint_key keys[] = {wrong.key, right.key};
	struct checkpoint c = {.at_ms = 0};
	struct buf note;

	note_make(&note);
	assert_int_equal(checkpoint_read(note.bytes, note.len, keys, 2, &c), ERR_OK);
	assert_string_equal(c.log, "a.log");
	assert_int_equal(c.tree.size, 4711);
	assert_int_equal(c.tree.root.bytes[2], 3);
	assert_int_equal(c.at_ms, 1769860800123);
	assert_int_equal(checkpoint_read(note.bytes, note.len, keys, 1, &c), ERR_FORBIDDEN);
	buf_clear(&note);
}

static void test_no_byte_can_be_changed_and_none_left_out(void **state)
{
	const struct checkpoint_signer signer = signer_of(seed);
	struct checkpoint c;
	struct buf note;

	note_make(&note);
	for (size_t i = 0; i < note.len; i++) {
		note.bytes[i] ^= 1;
		assert_int_not_equal(
			checkpoint_read(note.bytes, note.len, &signer.key, 1, &c), ERR_OK);
		note.bytes[i] ^= 1;
		assert_int_not_equal(checkpoint_read(note.bytes, i, &signer.key, 1, &c), ERR_OK);
	}
	buf_clear(&note);
}

static void test_a_public_key_is_told_with_its_id(void **state)
{
	const struct checkpoint_signer signer = signer_of(seed);
	char text[CHECKPOINT_KEY_TEXT_MAX];
	struct checkpoint_key key;

	checkpoint_key_format(&signer.key, text);
	assert_true(checkpoint_key_parse(text, strlen(text), &key));
	assert_memory_equal(key.public_key, signer.key.public_key, ED25519_PUBLIC);
	for (size_t i = 0; text[i]; i++) {
		text[i] ^= 1;
		assert_false(checkpoint_key_parse(text, strlen(text), &key));
		text[i] ^= 1;
		assert_false(checkpoint_key_parse(text, i, &key));
	}
}

static void test_a_seed_of_another_length_is_refused(void **state)
{
	static const char *const seeds[] = {"", "AAECAw==", "no base 64 at all",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ=="};
	struct checkpoint_signer signer;

	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++)
		assert_int_equal(
			checkpoint_signer_read("a.log", seeds[i], strlen(seeds[i]), &signer),
			ERR_CONFIG);
	assert_int_equal(checkpoint_signer_read("a log", seed, strlen(seed), &signer), ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_checkpoint_is_a_signed_note),
		cmocka_unit_test(test_what_was_signed_is_read_back),
		cmocka_unit_test(test_no_byte_can_be_changed_and_none_left_out),
		cmocka_unit_test(test_a_public_key_is_told_with_its_id),
		cmocka_unit_test(test_a_seed_of_another_length_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sealed values name their format; equality is asked by keyed hash; releases come from one gate. */
#include "domain/sealed.h"
#include "domain/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct id tenant = {{1}}, subject = {{2}}, job = {{3}};
static const struct sealed_where where = {SEALED_INPUT, {{3}}, 7};

static struct keyring *ring_with(int32_t epoch)
{
	struct keyring *ring;
	uint8_t key[AEAD_KEY];

	memset(key, epoch, sizeof(key));
	assert_int_equal(keyring_new(&ring), ERR_OK);
	assert_int_equal(keyring_add(ring, epoch, key), ERR_OK);
	keyring_activate(ring, epoch);
	return ring;
}

/* Seals "ab\0c" for where, by a new key of the subject. */
static void seal(struct keyring *ring, struct sealed_key *key, struct buf *out)
{
	struct sealed_box box;

	assert_int_equal(sealed_key_make(ring, tenant, subject, key), ERR_OK);
	sealed_box_open(&box, ring, tenant, key);
	buf_init(out, 1000);
	assert_int_equal(sealed_close(&box, where, "ab\0c", 4, out), ERR_OK);
	sealed_box_close(&box);
}

static enum err open_with(struct keyring *ring, struct id of, const struct sealed_key *key,
	struct sealed_where at, const struct buf *sealed)
{
	struct sealed_view view = {NULL, 0, NULL};
	struct sealed_box box;
	enum err e;

	sealed_box_open(&box, ring, of, key);
	e = sealed_open(&box, at, sealed->bytes, sealed->len, &view);
	if (e == ERR_OK) {
		assert_int_equal(view.len, 4);
		assert_memory_equal(view.bytes, "ab\0c", 4);
	}
	sealed_view_clear(&view);
	assert_null(view.bytes);
	sealed_box_close(&box);
	return e;
}

static void test_a_sealed_value_opens_and_shows_nothing(void **state)
{
	struct keyring *ring = ring_with(1);
	struct sealed_key key;
	struct buf one;

	seal(ring, &key, &one);
	assert_int_equal(one.bytes[0], SEALED_XCHACHA);
	assert_int_equal(one.len, 4 + SEALED_OVERHEAD);
	assert_null(memmem(one.bytes, one.len, "ab\0c", 4));
	assert_int_equal(open_with(ring, tenant, &key, where, &one), ERR_OK);
	buf_clear(&one);
	keyring_free(ring);
	sealed_view_clear(NULL);
}

static void test_the_same_text_is_never_sealed_to_the_same_bytes(void **state)
{
	struct keyring *ring = ring_with(1);
	struct sealed_key key;
	struct buf one, other;

	seal(ring, &key, &one);
	seal(ring, &key, &other);
	assert_memory_not_equal(one.bytes + 5, other.bytes + 5, one.len - 5);
	buf_clear(&one);
	buf_clear(&other);
	keyring_free(ring);
}

/* Tenant, key, place, row, number: none may be another. */
static void test_a_value_opens_only_where_it_was_sealed(void **state)
{
	const struct sealed_where elsewhere[] = {
		{SEALED_RESULT, job, 7}, {SEALED_INPUT, subject, 7}, {SEALED_INPUT, job, 8}};
	struct keyring *ring = ring_with(1);
	struct sealed_key key, renamed;
	struct buf sealed;

	seal(ring, &key, &sealed);
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		assert_int_equal(open_with(ring, tenant, &key, elsewhere[i], &sealed), ERR_SEALING);
	assert_int_equal(open_with(ring, subject, &key, where, &sealed), ERR_SEALING);
	renamed = key;
	renamed.id = tenant;
	assert_int_equal(open_with(ring, tenant, &renamed, where, &sealed), ERR_SEALING);
	assert_int_equal(open_with(ring, tenant, NULL, where, &sealed), ERR_SEALING);
	buf_clear(&sealed);
	keyring_free(ring);
}

static void test_every_changed_bit_is_noticed(void **state)
{
	struct keyring *ring = ring_with(1);
	struct sealed_key key;
	struct buf sealed;

	seal(ring, &key, &sealed);
	for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
		sealed.bytes[bit / 8] ^= (char)(1 << bit % 8);
		if (sealed.bytes[0] != SEALED_CLEAR)
			assert_int_not_equal(open_with(ring, tenant, &key, where, &sealed), ERR_OK);
		sealed.bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(key.wrapped); bit++) {
		key.wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(open_with(ring, tenant, &key, where, &sealed), ERR_OK);
		key.wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(open_with(ring, tenant, &key, where, &sealed), ERR_OK);
	buf_clear(&sealed);
	keyring_free(ring);
}

static void test_a_key_wrapped_anew_opens_the_same_values_and_needs_no_old_epoch(void **state)
{
	struct keyring *ring = ring_with(1);
	uint8_t second[AEAD_KEY] = {9};
	struct sealed_key key, again;
	struct buf sealed;

	seal(ring, &key, &sealed);
	assert_int_equal(keyring_add(ring, 2, second), ERR_OK);
	keyring_activate(ring, 2);
	assert_int_equal(sealed_key_rewrap(ring, tenant, &key, &again), ERR_OK);
	assert_int_equal(sealed_key_epoch(&again), 2);
	keyring_drop(ring, 1);
	assert_int_equal(open_with(ring, tenant, &again, where, &sealed), ERR_OK);
	assert_int_equal(open_with(ring, tenant, &key, where, &sealed), ERR_SEALING);
	assert_int_equal(sealed_key_rewrap(ring, tenant, &key, &again), ERR_SEALING);
	buf_clear(&sealed);
	keyring_free(ring);
}

static void test_without_the_active_epoch_nothing_is_sealed(void **state)
{
	struct keyring *ring = ring_with(1);
	struct sealed_box box;
	struct sealed_key key;
	struct buf out;

	keyring_activate(ring, 2);
	assert_int_equal(keyring_active(ring), 0);
	assert_int_equal(sealed_key_make(ring, tenant, subject, &key), ERR_SEALING);
	sealed_box_open(&box, ring, tenant, NULL);
	buf_init(&out, 100);
	assert_int_equal(sealed_close(&box, where, "abcd", 4, &out), ERR_SEALING);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
	keyring_free(ring);
}

static void test_texts_are_sealed_where_they_stand(void **state)
{
	struct keyring *ring = ring_with(1);
	struct sealed_box box;
	struct sealed_key key;
	struct buf out;

	assert_int_equal(sealed_key_make(ring, tenant, subject, &key), ERR_OK);
	buf_init(&out, 100);
	assert_int_equal(sealed_room("ab\0c", 4, &out), ERR_OK);
	sealed_box_open(&box, ring, tenant, &key);
	assert_int_equal(sealed_stand(&box, where, out.bytes, out.len), ERR_OK);
	sealed_box_close(&box);
	assert_int_equal(open_with(ring, tenant, &key, where, &out), ERR_OK);
	buf_clear(&out);
	keyring_free(ring);
}

static void test_clear_values_are_read_until_the_record_is_sealed(void **state)
{
	struct keyring *ring = ring_with(1);
	char bytes[] = "\0ab\0c";
	const struct buf clear = {.bytes = bytes, .len = 5};

	assert_int_equal(open_with(ring, tenant, NULL, where, &clear), ERR_OK);
	keyring_refuse_clear(ring, true);
	assert_int_equal(open_with(ring, tenant, NULL, where, &clear), ERR_DB_DATA);
	keyring_free(ring);
}

static void test_unknown_formats_are_refused(void **state)
{
	struct keyring *ring = ring_with(1);
	struct sealed_key key;
	struct buf sealed;

	seal(ring, &key, &sealed);
	for (int format = 2; format < 256; format++) {
		sealed.bytes[0] = (char)format;
		assert_int_equal(open_with(ring, tenant, &key, where, &sealed), ERR_DB_DATA);
	}
	sealed.bytes[0] = SEALED_XCHACHA;
	for (sealed.len = 0; sealed.len < SEALED_OVERHEAD; sealed.len++)
		assert_int_equal(open_with(ring, tenant, &key, where, &sealed), ERR_DB_DATA);
	buf_clear(&sealed);
	keyring_free(ring);
}

static void test_a_value_that_does_not_fit_leaves_nothing(void **state)
{
	const struct sealed_box box = {.there = true};
	struct buf out;

	buf_init(&out, SEALED_OVERHEAD + 3);
	assert_int_equal(sealed_close(&box, where, "abcd", 4, &out), ERR_TOO_LARGE);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
}

static void test_a_ring_keeps_keys_apart(void **state)
{
	const uint8_t other[AEAD_KEY] = {1};
	struct keyring *ring = ring_with(3);
	uint8_t mark[KEYRING_MARK], copy[AEAD_KEY];
	int32_t epochs[KEYRING_MAX];

	assert_int_equal(keyring_add(ring, 3, other), ERR_CONFLICT);
	assert_int_equal(keyring_add(ring, 1, other), ERR_OK);
	assert_int_equal(keyring_add(ring, 1, other), ERR_OK);
	assert_int_equal(keyring_list(ring, epochs), 2);
	assert_int_equal(epochs[0], 1);
	assert_true(keyring_mark(ring, 1, mark));
	keyring_drop(ring, 1);
	assert_false(keyring_has(ring, 1));
	assert_false(keyring_mark(ring, 1, mark));
	assert_false(keyring_copy(ring, 0, copy));
	for (int32_t i = 0; i < KEYRING_MAX - 1; i++)
		assert_int_equal(keyring_add(ring, 100 + i, other), ERR_OK);
	assert_int_equal(keyring_add(ring, 99, other), ERR_TOO_LARGE);
	keyring_free(ring);
	keyring_free(NULL);
}

static struct sealed_pair pair(const char *name, const char *value)
{
	return (struct sealed_pair){name, strlen(name), value, strlen(value)};
}

static void test_matches_differ_by_key_field_name_value_and_seam(void **state)
{
	uint8_t key[SEALED_MATCH_KEY] = {1};
	uint8_t other[SEALED_MATCH_KEY] = {2};
	uint8_t out[7][DIGEST_SIZE];

	sealed_match(key, "metadata", pair("ab", "c"), out[0]);
	sealed_match(key, "metadata", pair("a", "bc"), out[1]);
	sealed_match(key, "metadata", pair("ab", "d"), out[2]);
	sealed_match(key, "subject", pair("ab", "c"), out[3]);
	sealed_match(other, "metadata", pair("ab", "c"), out[4]);
	sealed_match(key, "metadataa", pair("b", "c"), out[5]);
	sealed_match(key, "metadata", pair("ab", "c"), out[6]);
	for (int i = 0; i < 6; i++) {
		for (int k = i + 1; k < 6; k++)
			assert_false(digest_equal(out[i], out[k], DIGEST_SIZE));
	}
	assert_memory_equal(out[0], out[6], DIGEST_SIZE);
}

static void test_what_is_released_passed_the_moderator_and_bears_its_decision(void **state)
{
	struct released *released = NULL;
	struct verdict *verdict = NULL;

	assert_int_equal(released_new(10, &released), ERR_OK);
	assert_int_equal(verdict_new(&verdict), ERR_OK);
	assert_true(id_is_zero(released_decision(released)));
	assert_string_equal(released_bytes(released), "");
	assert_int_equal(verdict_feed(verdict, "Hel", 3, released), ERR_OK);
	assert_int_equal(verdict_feed(verdict, "lo", 2, released), ERR_OK);
	assert_string_equal(released_bytes(released), "Hello");
	assert_false(id_is_zero(released_decision(released)));
	released_reset(released);
	assert_int_equal(released_len(released), 0);
	assert_int_equal(verdict_whole(verdict, "{}", 2, released), ERR_OK);
	assert_string_equal(released_bytes(released), "{}");
	assert_int_equal(verdict_feed(verdict, "123456789", 9, released), ERR_TOO_LARGE);
	assert_string_equal(released_bytes(released), "{}");
	verdict_free(verdict);
	released_free(released);
	verdict_free(NULL);
	released_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sealed_value_opens_and_shows_nothing),
		cmocka_unit_test(test_the_same_text_is_never_sealed_to_the_same_bytes),
		cmocka_unit_test(test_a_value_opens_only_where_it_was_sealed),
		cmocka_unit_test(test_every_changed_bit_is_noticed),
		cmocka_unit_test(
			test_a_key_wrapped_anew_opens_the_same_values_and_needs_no_old_epoch),
		cmocka_unit_test(test_without_the_active_epoch_nothing_is_sealed),
		cmocka_unit_test(test_texts_are_sealed_where_they_stand),
		cmocka_unit_test(test_clear_values_are_read_until_the_record_is_sealed),
		cmocka_unit_test(test_a_ring_keeps_keys_apart),
		cmocka_unit_test(test_unknown_formats_are_refused),
		cmocka_unit_test(test_a_value_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(test_matches_differ_by_key_field_name_value_and_seam),
		cmocka_unit_test(test_what_is_released_passed_the_moderator_and_bears_its_decision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

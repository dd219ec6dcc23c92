/* Who was looked up is not looked up again, whoever else comes. */
#include "access/known.h"

#include "access/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct known_age age = {.most_ms = 3600 * 1000};

struct hash {
	uint8_t bytes[DIGEST_SIZE];
};

static struct hash hash_of(uint32_t n)
{
	struct hash h;

	memset(&h, 0, sizeof h);
	memcpy(h.bytes, &n, sizeof n);
	return h;
}

static void put(struct known *k, uint32_t n, bool is_known)
{
	const struct hash h = hash_of(n);
	struct caller caller = {.kind = CALLER_KEY};

	if (is_known)
		caller.principal.bytes[0] = 1;
	known_put(k, h.bytes, 0, &caller);
}

static bool is_there(struct known *k, uint32_t n)
{
	const struct hash h = hash_of(n);
	struct caller caller = {.kind = CALLER_KEY};
	const bool there = known_get(k, h.bytes, age, &caller) != KNOWN_NOT;

	caller_clear(&caller);
	return there;
}

static void test_who_guesses_keys_drives_nobody_out(void **state)
{
	struct known *k;

	assert_int_equal(known_new(&k), ERR_OK);
	put(k, 0, true);
	for (uint32_t n = 1; n <= 2 * KEYS_MAX; n++)
		put(k, n, false);
	assert_true(is_there(k, 0));
	known_free(k);
}

static void test_each_kind_is_emptied_when_it_is_full(void **state)
{
	struct known *k;

	assert_int_equal(known_new(&k), ERR_OK);
	for (uint32_t n = 0; n < KEYS_MAX; n++)
		put(k, n, true);
	assert_true(is_there(k, 0));
	put(k, KEYS_MAX, true);
	assert_false(is_there(k, 0));
	assert_true(is_there(k, KEYS_MAX));
	known_free(k);
}

/* One that is made meanwhile, or ended, is counted as what it is now. */
static void test_a_key_that_becomes_known_is_counted_anew(void **state)
{
	struct known *k;

	assert_int_equal(known_new(&k), ERR_OK);
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t n = 0; n < KEYS_MAX - 1; n++)
			put(k, n, round % 2 == 0);
	put(k, KEYS_MAX, true);
	assert_true(is_there(k, 0));
	assert_true(is_there(k, KEYS_MAX));
	known_forget(k);
	assert_false(is_there(k, 0));
	known_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_guesses_keys_drives_nobody_out),
		cmocka_unit_test(test_each_kind_is_emptied_when_it_is_full),
		cmocka_unit_test(test_a_key_that_becomes_known_is_counted_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

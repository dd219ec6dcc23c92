/* What the dispatch message promises: it comes back as it went, and nothing else is taken. */
#include "domain/dispatch_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct dispatch_key *keys_new(size_t n)
{
	struct dispatch_key *keys = calloc(n, sizeof *keys);

	assert_non_null(keys);
	for (size_t i = 0; i < n; i++) {
		keys[i].tenant = id_new(0);
		keys[i].job = id_new(2);
	}
	return keys;
}

static void round_trip(size_t n)
{
	static uint8_t bytes[DISPATCH_MESSAGE_BYTES_MAX];
	struct dispatch_key *keys = keys_new(n);
	struct dispatch_message message;
	struct id batch = id_new(0);
	size_t len = dispatch_message_write(batch, keys, n, bytes);

	assert_int_equal(dispatch_message_read(bytes, len, &message), ERR_OK);
	assert_true(id_equal(message.batch, batch));
	assert_int_equal(message.n, n);
	for (size_t i = 0; i < n; i++) {
		struct dispatch_key key = dispatch_message_key(&message, i);

		assert_true(id_equal(key.tenant, keys[i].tenant));
		assert_true(id_equal(key.job, keys[i].job));
	}
	free(keys);
}

/* promises: C16 */
static void a_message_comes_back_as_it_went(void **state)
{
	round_trip(1);
	round_trip(17);
	round_trip(DISPATCH_MESSAGE_JOBS_MAX);
}

/* promises: C16 */
static void none_and_too_many_are_not_written(void **state)
{
	static uint8_t bytes[DISPATCH_MESSAGE_BYTES_MAX];
	struct dispatch_key *keys = keys_new(DISPATCH_MESSAGE_JOBS_MAX + 1);

	assert_int_equal(dispatch_message_write(id_new(0), keys, 0, bytes), 0);
	assert_int_equal(
		dispatch_message_write(id_new(0), keys, DISPATCH_MESSAGE_JOBS_MAX + 1, bytes), 0);
	free(keys);
}

/* promises: C16 */
static void a_cut_longer_or_changed_message_is_refused(void **state)
{
	uint8_t bytes[DISPATCH_MESSAGE_BYTES_MAX + 1] = {0};
	struct dispatch_key *keys = keys_new(3);
	struct dispatch_message message = {.n = 77};
	size_t len = dispatch_message_write(id_new(0), keys, 3, bytes);

	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(dispatch_message_read(bytes, cut, &message), ERR_BAD_REQUEST);
	assert_int_equal(dispatch_message_read(bytes, len + 1, &message), ERR_BAD_REQUEST);
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 0x40;
		assert_int_equal(dispatch_message_read(bytes, len, &message), ERR_BAD_REQUEST);
		bytes[i] ^= 0x40;
	}
	assert_int_equal(message.n, 77);
	free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_comes_back_as_it_went),
		cmocka_unit_test(none_and_too_many_are_not_written),
		cmocka_unit_test(a_cut_longer_or_changed_message_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

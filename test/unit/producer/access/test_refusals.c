/* Refused calls are counted, and nobody fills the audit by being refused. */
#include "access/refusals.h"
#include "ports/loop.h"
#include "producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct producer producer;
static struct refusals *refusals;

static int start(void **state)
{
	config.audit.refusals_ms = 60000;
	producer.config = &config;
	if (loop_new(&producer.loop) != ERR_OK)
		return -1;
	return refusals_new(&producer, &refusals) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
	refusals_free(refusals);
	loop_free(producer.loop);
	memset(&producer, 0, sizeof producer);
	return 0;
}

/* A reply with this status to somebody at this address. */
static struct request reply(int status, uint8_t address, bool known)
{
	struct request r;

	memset(&r, 0, sizeof r);
	r.producer = &producer;
	r.reply.status = status;
	r.address[15] = address;
	if (known)
		r.caller.principal = r.caller.credential = r.caller.tenant = (struct id){{7}};
	return r;
}

static void note(int status, uint8_t address, bool known)
{
	struct request r = reply(status, address, known);

	refusals_note(refusals, &r);
}

/* promises: S1.12 */
static void test_the_same_refusal_is_one_row(void **state)
{
	for (int i = 0; i < 1000; i++)
		note(403, 1, true);
	assert_int_equal(refusals_waiting(refusals), 1);
	note(403, 2, true);
	note(401, 1, false);
	assert_int_equal(refusals_waiting(refusals), 3);
}

/* promises: S1.12 */
static void test_a_flood_of_strangers_is_bounded_and_hides_nobody(void **state)
{
	for (int turn = 0; turn < 3; turn++)
		for (int address = 0; address < 200; address++)
			note(401, (uint8_t)address, false);
	assert_int_equal(refusals_waiting(refusals), REFUSALS_LINES + 1);
	note(403, 1, true);
	assert_int_equal(refusals_waiting(refusals), REFUSALS_LINES + 2);
}

static void test_what_was_answered_or_waits_for_a_second_person_is_not_counted(void **state)
{
	struct request asked = reply(403, 1, true);

	note(200, 1, true);
	note(404, 1, true);
	asked.gate_err = ERR_APPROVAL;
	refusals_note(refusals, &asked);
	assert_int_equal(refusals_waiting(refusals), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_same_refusal_is_one_row, start, stop),
		cmocka_unit_test_setup_teardown(
			test_a_flood_of_strangers_is_bounded_and_hides_nobody, start, stop),
		cmocka_unit_test_setup_teardown(
			test_what_was_answered_or_waits_for_a_second_person_is_not_counted, start,
			stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

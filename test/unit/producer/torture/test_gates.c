/* What cannot be judged for lack of memory is not let through. */
#include "access/two_people.h"
#include "admin/issuer_roles.h"
#include "producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/torture.h"

static struct config config;
static struct producer producer = {.config = &config};

/* ---- a second person ---- */

static const struct route registers = {.method = "POST",
	.pattern = "/v1/issuers",
	.access = ROUTE_OPERATOR,
	.permission = PERMISSION_ISSUER_WRITE};

/* It names no tenant, so its handler refuses it: nobody needs to be asked, once it was read. */
static enum err asked(void)
{
	char body[] = "{\"issuer\":\"https://a.example\",\"roles\":{\"x\":\"guest\"}}";
	struct request r = {.producer = &producer, .match.route = &registers};
	bool parked = false;
	enum err e;

	reply_init(&r.reply);
	buf_init(&r.body, sizeof body);
	r.body.bytes = body;
	r.body.len = sizeof body - 1;
	e = two_people_check(&r, &parked);
	assert_false(parked);
	assert_int_equal(r.reply.status, e ? 503 : 0);
	reply_clear(&r.reply);
	return e;
}

static void test_a_call_that_cannot_be_read_is_made_by_nobody(void **state)
{
	config.limits.json_depth = 8;
	torture(asked);
}

/* ---- what an issuer gives ---- */

static struct role_book *book;
static json_t *body;

/* Whoever may do nothing gives nothing. */
static struct rights none;

static enum err judged(void)
{
	struct request r = {.producer = &producer, .caller.rights = &none};
	struct tenant_call t = {.call.r = &r, .body = body, .of = {{7}}, .tenant = {{7}}};
	enum err e = issuer_roles_judge(&t, book);

	assert_true(e || t.refusal == ERR_FORBIDDEN);
	return e;
}

static void test_a_role_that_cannot_be_judged_is_given_by_nobody(void **state)
{
	const char *why;

	assert_int_equal(role_book_new(&book), ERR_OK);
	assert_int_equal(role_book_add(book, "writer"), ERR_OK);
	assert_int_equal(role_book_rule_add(book, "writer", "allow job:read", &why), ERR_OK);
	body = json_pack("{s:{s:s}}", "roles", "them", "writer");
	assert_non_null(body);
	torture(judged);
	json_decref(body);
	role_book_free(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_that_cannot_be_read_is_made_by_nobody),
		cmocka_unit_test(test_a_role_that_cannot_be_judged_is_given_by_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

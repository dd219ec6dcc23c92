/* Upstreams, keys, routes and prices fit each other, or the file says in which line they do not. */
#include "config/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UPSTREAMS                                             \
	"database: {url: dbname=x}\n"                         \
	"upstreams:\n"                                        \
	"- {name: a, base_url: 'http://h', models: ['a*'],\n" \
	"   model_names: ['fast=a-mini', 'big=a-large=2']}\n" \
	"- {name: b, base_url: 'http://h', models: ['b*'],\n" \
	"   input_usd_per_million: 3, output_usd_per_million: 6}\n"

static enum err parse(const char *text, struct buf *faults, struct config **ret)
{
	buf_init(faults, 1 << 16);
	return config_parse("f", text, strlen(text), faults, ret);
}

static void refuse(const char *text, const char *expected)
{
	struct config *config = NULL;
	struct buf faults;

	assert_int_equal(parse(text, &faults, &config), ERR_CONFIG);
	assert_string_equal(faults.bytes, expected);
	buf_clear(&faults);
}

static struct config *accept(const char *text)
{
	struct config *config = NULL;
	struct buf faults;

	if (parse(text, &faults, &config) != ERR_OK)
		fail_msg("%s", faults.bytes ? faults.bytes : "");
	buf_clear(&faults);
	return config;
}

static void test_two_routes_for_a_model_are_refused(void **state)
{
	refuse(UPSTREAMS "routes:\n"
			 "- {model: 'x*', upstreams: [a]}\n"
			 "- {model: y, upstreams: [b]}\n"
			 "- {model: 'x-1', upstreams: [b]}\n"
			 "- {model: y, upstreams: [a, b]}\n",
		"f:10:11: routes.model: expected a model that no earlier route takes; the one in "
		"line 8 does\n"
		"f:11:11: routes.model: expected a model that no earlier route takes; the one in "
		"line 9 does\n");
	config_release(accept(UPSTREAMS "routes:\n"
					"- {model: 'x-1', upstreams: [b]}\n"
					"- {model: 'x*', upstreams: [a]}\n"));
}

static void test_a_route_leads_to_upstreams_that_exist(void **state)
{
	refuse(UPSTREAMS "routes:\n"
			 "- {model: x, upstreams: [a, c, a]}\n"
			 "- {model: y, upstreams: [a, b], weights: [1]}\n"
			 "- {model: z, upstreams: [a, b], weights: [0, 0]}\n",
		"f:8:25: routes.upstreams: expected names of upstreams; none is called c\n"
		"f:8:25: routes.upstreams: expected a once\n"
		"f:9:42: routes.weights: expected one for each of its upstreams, and one above 0\n"
		"f:10:42: routes.weights: expected one for each of its upstreams, and one above 0\n");
}

static void test_an_upstream_nobody_asks_is_a_mistake(void **state)
{
	refuse(UPSTREAMS "- {name: c, base_url: 'http://h'}\n",
		"f:7:3: upstreams.models: expected a model that it serves, or a route that names it\n");
	config_release(accept(UPSTREAMS "- {name: c, base_url: 'http://h'}\n"
					"routes:\n- {model: x, upstreams: [c]}\n"));
}

static void test_keys_have_an_upstream_and_a_label(void **state)
{
	refuse("database: {url: dbname=x}\n"
	       "upstreams:\n"
	       "- {name: a, base_url: 'http://h', models: ['*']}\n"
	       "- {name: b, base_url: 'http://h', models: ['*'], api_key_file: k}\n"
	       "upstream_keys:\n"
	       "- {upstream: a, label: one, file: x}\n"
	       "- {upstream: a, label: one, file: y}\n"
	       "- {upstream: b, label: one, file: y}\n"
	       "- {upstream: c, label: one, file: y}\n",
		"f:7:24: upstream_keys.label: expected a label that no other key of this upstream "
		"has\n"
		"f:8:14: upstream_keys.upstream: expected an upstream without an api_key_file of "
		"its own\n"
		"f:9:14: upstream_keys.upstream: expected the name of an upstream\n");
}

#define PRICE(model, days) \
	"- {model: " model ", " days ", input_usd_per_million: 1, output_usd_per_million: 2}\n"

static void test_prices_neither_contradict_nor_leave_gaps(void **state)
{
	refuse(UPSTREAMS
		"prices:\n" PRICE("m", "until: 2026-02-01") PRICE("m", "from: 2026-01-31") PRICE(
			"n", "from: 2026-01-01, until: 2026-02-01") PRICE("n", "from: 2026-02-02")
			PRICE("o", "from: 2026-02-02, until: 2026-02-02") PRICE("p", "upstream: c")
				PRICE("q", "from: 2026-02-30"),
		"f:14:20: prices.from: expected a day such as 2026-01-31\n");
	refuse(UPSTREAMS
		"prices:\n" PRICE("m", "until: 2026-02-01") PRICE("m", "from: 2026-01-31") PRICE(
			"n", "from: 2026-01-01, until: 2026-02-01") PRICE("n", "from: 2026-02-02")
			PRICE("o", "from: 2026-02-02, until: 2026-02-02") PRICE("p", "upstream: c"),
		"f:9:20: prices.from: expected one price for a day; the one in line 8 holds as "
		"well\n"
		"f:10:39: prices.until: expected a price without a gap: the next one, in line 11, "
		"begins on 2026-02-02\n"
		"f:12:39: prices.until: expected a day after prices.from\n"
		"f:13:24: prices.upstream: expected the name of an upstream, or *\n");
	refuse(UPSTREAMS "prices:\n" PRICE("m", "upstream: a") PRICE("m", "upstream: a"),
		"f:9:11: prices.model: expected one price for a day; the one in line 8 holds as "
		"well\n");
}

enum { MS_A_DAY = 86400000 };

static void test_a_price_holds_from_its_first_to_before_its_last_day(void **state)
{
	static const int64_t first = 1769904000000; /* 2026-02-01 */
	struct config *c = accept(UPSTREAMS
		"prices:\n"
		"- {model: 'a*', until: 2026-02-01, input_usd_per_million: 1, "
		"output_usd_per_million: 2}\n"
		"- {model: 'a*', from: 2026-02-01, until: 2026-02-03, input_usd_per_million: 0.5, "
		"output_usd_per_million: 1}\n");

	assert_int_equal(config_price(c, &c->upstreams[0], "a1", first - 1).input_nano, 1000000000);
	assert_int_equal(config_price(c, &c->upstreams[0], "a1", first).input_nano, 500000000);
	assert_int_equal(config_price(c, &c->upstreams[0], "a1", first).output_nano, 1000000000);
	assert_int_equal(
		config_price(c, &c->upstreams[0], "a1", first + 2 * MS_A_DAY - 1).input_nano,
		500000000);
	assert_int_equal(
		config_price(c, &c->upstreams[0], "a1", first + 2LL * MS_A_DAY).input_nano, 0);
	assert_int_equal(config_price(c, &c->upstreams[1], "b1", first).output_nano, 6000000000);
	assert_string_equal(config_model_name(&c->upstreams[0], "fast"), "a-mini");
	assert_string_equal(config_model_name(&c->upstreams[0], "big"), "a-large=2");
	assert_string_equal(config_model_name(&c->upstreams[0], "fas"), "fas");
	config_release(c);
}

static void test_a_model_without_a_price_is_told(void **state)
{
	static const int64_t day = 1769904000000;
	struct config *c = accept(UPSTREAMS "routes:\n- {model: fast, upstreams: [a, b]}\n"
					    "prices:\n" PRICE("'a-*'", "until: 2026-01-31"));
	struct buf notes;

	buf_init(&notes, 10000);
	assert_int_equal(config_notes("f", c, day, &notes), ERR_OK);
	assert_string_equal(notes.bytes,
		"f:3:3: upstreams.a: no price holds today for a*: it counts as 0\n"
		"f:3:3: upstreams.a: no price holds today for a-mini: it counts as 0\n");
	buf_reset(&notes);
	assert_int_equal(config_notes("f", c, day - 7LL * MS_A_DAY, &notes), ERR_OK);
	assert_string_equal(
		notes.bytes, "f:3:3: upstreams.a: no price holds today for a*: it counts as 0\n");
	buf_clear(&notes);
	config_release(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_routes_for_a_model_are_refused),
		cmocka_unit_test(test_a_route_leads_to_upstreams_that_exist),
		cmocka_unit_test(test_an_upstream_nobody_asks_is_a_mistake),
		cmocka_unit_test(test_keys_have_an_upstream_and_a_label),
		cmocka_unit_test(test_prices_neither_contradict_nor_leave_gaps),
		cmocka_unit_test(test_a_price_holds_from_its_first_to_before_its_last_day),
		cmocka_unit_test(test_a_model_without_a_price_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Who serves a model, with which key, and what a reload changes of that. */
#include "upstreams/upstream.h"
#include "upstreams/upstream_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/longhaul-upstream-XXXXXX";

static struct config *config_of(const char *format)
{
	struct config *config = NULL;
	struct buf text, faults;

	buf_init(&text, 1 << 16);
	buf_init(&faults, 1 << 16);
	for (const char *at = format; *at; at++) {
		if (*at == '@')
			buf_text(&text, folder);
		else
			buf_char(&text, *at);
	}
	if (config_parse("f.yaml", text.bytes, text.len, &faults, &config) != ERR_OK)
		fail_msg("%s", faults.bytes);
	buf_clear(&text);
	buf_clear(&faults);
	return config;
}

static struct upstreams *upstreams_of(const char *format)
{
	struct config *config = config_of(format);
	struct upstreams *u = NULL;

	assert_int_equal(upstreams_new(config, "f.yaml", &u), ERR_OK);
	config_release(config);
	return u;
}

static enum err reload(struct upstreams *u, const char *format)
{
	struct config *config = config_of(format);
	enum err e = upstreams_reload(u, config, "f.yaml");

	config_release(config);
	return e;
}

static void key_write(const char *name, const char *key)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(key, file);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
	char command[160];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

#define LEAST "database: {url: dbname=x}\n"
#define AB                                                                                     \
	LEAST "upstreams:\n"                                                                   \
	      "- {name: a, base_url: 'http://a', models: ['m*'], model_names: ['fast=a-1']}\n" \
	      "- {name: b, base_url: 'http://b', models: ['*']}\n"

static void expect(struct upstreams *u, const char *model, const char *expected)
{
	struct candidate found[CANDIDATES_MAX];
	const size_t n = upstreams_candidates(u, model, found, CANDIDATES_MAX);
	char text[256] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%s", i ? " " : "",
			found[i].upstream->name, found[i].model ? found[i].model : "-");
	assert_string_equal(text, expected);
}

/* promises: C14 */
static void test_without_a_route_all_that_fit_are_asked_in_order(void **state)
{
	struct upstreams *u = upstreams_of(AB);

	expect(u, "m1", "a:m1 b:m1");
	expect(u, "x", "b:x");
	expect(u, NULL, "b:-");
	upstreams_free(u);
	upstreams_free(NULL);
}

/* promises: C14 */
static void test_a_route_names_the_upstreams_and_each_has_its_own_name_for_a_model(void **state)
{
	struct upstreams *u = upstreams_of(AB "routes:\n- {model: fast, upstreams: [b, a]}\n"
					      "- {model: 'm-*', upstreams: [b]}\n");

	expect(u, "fast", "b:fast a:a-1");
	expect(u, "m-1", "b:m-1");
	expect(u, "m1", "a:m1 b:m1");
	upstreams_free(u);
}

static void test_weights_share_out_the_first_place(void **state)
{
	struct upstreams *u =
		upstreams_of(AB "routes:\n- {model: fast, upstreams: [a, b], weights: [1, 3]}\n");
	struct candidate found[CANDIDATES_MAX];
	int first = 0;

	for (int i = 0; i < 4000; i++) {
		assert_int_equal(upstreams_candidates(u, "fast", found, CANDIDATES_MAX), 2);
		assert_ptr_not_equal(found[0].upstream, found[1].upstream);
		first += strcmp(found[0].upstream->name, "a") == 0;
	}
	assert_in_range(first, 800, 1200);
	upstreams_free(u);
}

#define KEYS                                                       \
	LEAST "upstreams:\n"                                       \
	      "- {name: a, base_url: 'http://a', models: ['*']}\n" \
	      "upstream_keys:\n"                                   \
	      "- {upstream: a, label: one, file: @/1}\n"           \
	      "- {upstream: a, label: two, file: @/2}\n"

static struct upstream_key *key_now(struct upstreams *u)
{
	return u->list[0]->keys[0];
}

static void test_headers_are_the_dialects(void **state)
{
	const char *headers[UPSTREAM_HEADERS];
	struct upstreams *u;

	key_write("1", "sesame");
	u = upstreams_of(LEAST "upstreams:\n- {name: a, base_url: 'http://a', models: ['*'], "
			       "dialect: anthropic, api_key_file: @/1}\n");
	upstream_headers(key_now(u), headers);
	assert_string_equal(headers[0], "x-api-key: sesame");
	assert_string_equal(headers[1], "anthropic-version: 2023-06-01");
	assert_null(headers[2]);
	assert_string_equal(key_now(u)->label, CONFIG_KEY_LABEL);
	upstreams_free(u);
}

/* promises: C14 */
static void test_a_call_under_way_keeps_what_a_reload_takes_away(void **state)
{
	struct upstreams *u;
	struct upstream_key *held, *stays;

	key_write("1", "sesame");
	key_write("2", "barley");
	u = upstreams_of(KEYS);
	held = upstream_key_hold(u->list[0]->keys[0]);
	stays = u->list[0]->keys[1];
	key_write("2", "rye");
	assert_int_equal(reload(u, LEAST "upstreams:\n"
					 "- {name: b, base_url: 'http://b', models: ['*']}\n"
					 "- {name: a, base_url: 'http://a2', models: ['*']}\n"
					 "upstream_keys:\n"
					 "- {upstream: a, label: two, file: @/2}\n"
					 "- {upstream: a, label: three, file: @/1}\n"),
		ERR_OK);
	assert_int_equal(u->n, 2);
	assert_ptr_equal(u->list[1], held->upstream);
	assert_string_equal(u->list[1]->config->base_url, "http://a2");
	assert_ptr_equal(u->list[1]->keys[0], stays);
	assert_string_equal(stays->header, "Authorization: Bearer rye");
	assert_string_equal(held->header, "Authorization: Bearer sesame");
	assert_int_equal(reload(u, LEAST "upstreams:\n"
					 "- {name: b, base_url: 'http://b', models: ['*']}\n"),
		ERR_OK);
	assert_string_equal(held->upstream->name, "a");
	assert_string_equal(held->label, "one");
	upstream_key_release(held);
	upstreams_free(u);
}

static void test_a_reload_without_its_key_changes_nothing(void **state)
{
	struct upstreams *u;
	int saved = dup(STDERR_FILENO);

	assert_non_null(freopen("/dev/null", "w", stderr));
	key_write("1", "sesame");
	key_write("2", "barley");
	u = upstreams_of(KEYS);
	assert_int_equal(reload(u, LEAST "upstreams:\n- {name: c, base_url: 'http://c', models: "
					 "['*'], api_key_file: @/none}\n"),
		ERR_CONFIG);
	assert_int_equal(u->n, 1);
	assert_string_equal(key_now(u)->header, "Authorization: Bearer sesame");
	upstreams_free(u);
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static void expect_body(struct upstreams *u, const char *kind, const char *model, const char *input,
	const char *body)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(upstream_body(u->list[0], reply_kind_find(kind), model,
				 (struct json_text){input, strlen(input)}, &out),
		ERR_OK);
	assert_string_equal(out.bytes, body);
	buf_clear(&out);
}

static void test_of_the_input_only_three_members_change(void **state)
{
	struct upstreams *u = upstreams_of(AB);

	expect_body(u, "chat", "m", "{\"model\":\"m\", \"x\":1.0}",
		"{\"model\":\"m\", \"x\":1.0,\"stream\":true,\"stream_options\":{\"include_usage\":"
		"true}}");
	expect_body(u, "chat", "theirs", "{ \"model\": \"m\",\"stream\":false}",
		"{ \"model\": \"theirs\",\"stream\":false}");
	expect_body(u, "message", "m", "{\"model\":\"m\"}", "{\"model\":\"m\",\"stream\":true}");
	expect_body(u, "embedding", NULL, "{\"model\":\"m\"}", "{\"model\":\"m\"}");
	upstreams_free(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_route_all_that_fit_are_asked_in_order),
		cmocka_unit_test(
			test_a_route_names_the_upstreams_and_each_has_its_own_name_for_a_model),
		cmocka_unit_test(test_weights_share_out_the_first_place),
		cmocka_unit_test(test_headers_are_the_dialects),
		cmocka_unit_test(test_a_call_under_way_keeps_what_a_reload_takes_away),
		cmocka_unit_test(test_a_reload_without_its_key_changes_nothing),
		cmocka_unit_test(test_of_the_input_only_three_members_change),
	};

	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}

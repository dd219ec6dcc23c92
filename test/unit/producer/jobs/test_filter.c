/* Which jobs a caller means: the same words in a query and in a body. */
#include "jobs/filter.h"

#include "domain/sealed.h"
#include "producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The caller may do all there is. */
static struct rights everything = {.holders = 1, .always = ~(permission_set)0};
static const struct route listing = {.access = ROUTE_TENANT, .permission = PERMISSION_JOB_READ};

struct scene {
	struct config config;
	struct producer producer;
	struct request r;
	struct tenant_facts facts;
	struct filter filter;
	struct problems p;
	json_t *body;
};

static void scene_open(struct scene *s)
{
	memset(s, 0, sizeof *s);
	s->config.producer.list_max = 100;
	s->producer.config = &s->config;
	s->r.producer = &s->producer;
	s->facts.match_key[0] = 7;
	s->r.caller.facts = &s->facts;
	s->r.caller.rights = &everything;
	s->r.match.route = &listing;
	s->r.caller.tenant.bytes[0] = 9;
}

static enum err read_query(struct scene *s, const char *const *pairs)
{
	scene_open(s);
	for (; pairs[0]; pairs += 2)
		query_add(&s->r.query, pairs[0], pairs[1]);
	return filter_read(&s->filter, &s->r, FILTER_QUERY, NULL, &s->p);
}

static enum err read_body(struct scene *s, enum filter_form form, const char *text)
{
	scene_open(s);
	s->body = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(s->body);
	return filter_read(&s->filter, &s->r, form, s->body, &s->p);
}

#define QUERY(s, ...) read_query((s), (const char *const[]){__VA_ARGS__, NULL})

/* promises: C2 */
static void test_a_query_names_jobs(void **state)
{
	struct scene s;

	assert_int_equal(QUERY(&s, "state", "failed,expired", "kind", "noop", "model", "m",
				 "upstream", "u", "error_code", "deadline", "dead", "true",
				 "created_after", "1970-01-01T00:00:01Z", "limit", "7"),
		ERR_OK);
	assert_int_equal(s.filter.job.states, 1 << JOB_FAILED | 1 << JOB_EXPIRED);
	assert_string_equal(s.filter.job.kind, "noop");
	assert_string_equal(s.filter.job.model, "m");
	assert_string_equal(s.filter.job.upstream, "u");
	assert_string_equal(s.filter.job.error_code, "deadline");
	assert_int_equal(s.filter.job.dead, 1);
	assert_int_equal(s.filter.job.created_after_ms, 1000);
	assert_int_equal(s.filter.job.created_before_ms, 0);
	assert_int_equal(s.filter.limit, 7);
	assert_int_equal(s.filter.members, 7);
	assert_true(id_equal(s.filter.job.tenant, s.r.caller.tenant));
}

static void test_nothing_asked_is_everything(void **state)
{
	struct scene s;

	assert_int_equal(read_query(&s, (const char *const[]){NULL}), ERR_OK);
	assert_int_equal(s.filter.job.states, 0);
	assert_int_equal(s.filter.job.dead, -1);
	assert_null(s.filter.job.kind);
	assert_int_equal(s.filter.limit, 50);
	assert_int_equal(s.filter.members, 0);
}

static void test_a_page_is_never_longer_than_configured(void **state)
{
	struct scene s;

	assert_int_equal(QUERY(&s, "limit", "1000"), ERR_OK);
	assert_int_equal(s.filter.limit, 100);
}

static void refused(struct scene *s, enum err e, enum err expected, const char *pointer)
{
	assert_int_equal(e, expected);
	assert_true(s->p.n > 0);
	assert_string_equal(s->p.list[0].pointer, pointer);
	json_decref(s->body);
}

static void test_what_is_wrong_is_told_with_its_place(void **state)
{
	struct scene s;

	refused(&s, QUERY(&s, "state", "tired"), ERR_INVALID_FIELD, "?state");
	refused(&s, QUERY(&s, "state", "failed,"), ERR_INVALID_FIELD, "?state");
	refused(&s, QUERY(&s, "kind", "purge"), ERR_UNKNOWN_KIND, "?kind");
	refused(&s, QUERY(&s, "limit", "0"), ERR_INVALID_FIELD, "?limit");
	refused(&s, QUERY(&s, "limit", "1001"), ERR_INVALID_FIELD, "?limit");
	refused(&s, QUERY(&s, "after", "x"), ERR_INVALID_FIELD, "?after");
	refused(&s, QUERY(&s, "dead", "1"), ERR_INVALID_FIELD, "?dead");
	refused(&s, QUERY(&s, "created_before", "noon"), ERR_INVALID_FIELD, "?created_before");
	refused(&s, QUERY(&s, "subject", "me"), ERR_INVALID_FIELD, "?subject");
	refused(&s, read_body(&s, FILTER_SEARCH, "[]"), ERR_INVALID_FIELD, "");
	refused(&s, read_body(&s, FILTER_SEARCH, "{\"dead\":1}"), ERR_INVALID_FIELD, "/dead");
	refused(&s, read_body(&s, FILTER_SEARCH, "{\"dry_run\":true}"), ERR_INVALID_FIELD,
		"/dry_run");
	refused(&s, read_body(&s, FILTER_CHANGE, "{\"limit\":0}"), ERR_INVALID_FIELD, "/limit");
	refused(&s, read_body(&s, FILTER_SEARCH, "{\"metadata\":{\"k\":1}}"), ERR_INVALID_FIELD,
		"/metadata");
	refused(&s, read_body(&s, FILTER_SEARCH, "{\"created_after\":\"noon\"}"), ERR_INVALID_FIELD,
		"/created_after");
}

/* promises: C2 */
static void test_persons_are_matched_by_their_keyed_hash(void **state)
{
	struct scene s;
	uint8_t hash[DIGEST_SIZE];

	assert_int_equal(read_body(&s, FILTER_SEARCH,
				 "{\"subject\":\"u\",\"metadata\":{\"a\":\"1\",\"b\":\"\"}}"),
		ERR_OK);
	assert_int_equal(s.filter.job.hashes_n, 3);
	sealed_match(s.facts.match_key, "subject", (struct sealed_pair){"", 0, "u", 1}, hash);
	assert_memory_equal(s.filter.job.hashes[0], hash, FILTER_HASH_BYTES);
	sealed_match(s.facts.match_key, "metadata", (struct sealed_pair){"a", 1, "1", 1}, hash);
	assert_memory_equal(s.filter.job.hashes[1], hash, FILTER_HASH_BYTES);
	json_decref(s.body);
}

static void test_a_change_may_be_rehearsed(void **state)
{
	struct scene s;

	assert_int_equal(read_body(&s, FILTER_CHANGE, "{\"dead\":false,\"dry_run\":true}"), ERR_OK);
	assert_true(s.filter.dry_run);
	assert_int_equal(s.filter.job.dead, 0);
	assert_int_equal(s.filter.members, 1);
	json_decref(s.body);
	assert_int_equal(read_body(&s, FILTER_CHANGE, "{\"dry_run\":false}"), ERR_OK);
	assert_int_equal(s.filter.members, 0);
	json_decref(s.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_query_names_jobs),
		cmocka_unit_test(test_nothing_asked_is_everything),
		cmocka_unit_test(test_a_page_is_never_longer_than_configured),
		cmocka_unit_test(test_what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(test_persons_are_matched_by_their_keyed_hash),
		cmocka_unit_test(test_a_change_may_be_rehearsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

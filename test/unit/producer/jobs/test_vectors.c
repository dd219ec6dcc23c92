/* The vectors of schemas/ and the producer's own checks agree on every submit. */
#include "jobs/job_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

/* The caller may do all there is. */
static struct rights everything = {.holders = 1, .always = ~(permission_set)0};

enum { TEXT_MAX = 1 << 20 };

struct scene {
	struct config *config;
	struct tenant_facts facts;
	struct caller caller;
	struct trace trace;
	struct queues_view *queues;
	struct job_scene scene;
	json_t *vectors;
};

static json_t *vectors_read(void)
{
	FILE *file = fopen("schemas/vectors/job-submit.json", "r");
	struct problems problems = {.n = 0};
	json_t *vectors = NULL;
	struct buf text;

	assert_non_null(file);
	buf_init(&text, TEXT_MAX);
	assert_int_equal(buf_reserve(&text, TEXT_MAX), ERR_OK);
	text.len = fread(text.bytes, 1, TEXT_MAX, file);
	fclose(file);
	assert_int_equal(json_read(text.bytes, text.len, 64, &problems, &vectors), ERR_OK);
	buf_clear(&text);
	return vectors;
}

static int scene_open(void **state)
{
	static const char text[] = "database: {url: dbname=x}\n";
	struct scene *s = calloc(1, sizeof(*s));
	struct buf faults;

	assert_non_null(s);
	buf_init(&faults, 1000);
	assert_int_equal(config_parse("f", text, sizeof(text) - 1, &faults, &s->config), ERR_OK);
	buf_clear(&faults);
	s->queues = calloc(1, sizeof(*s->queues) + sizeof(struct queue_view));
	assert_non_null(s->queues);
	s->queues->n = 1;
	strcpy(s->queues->list[0].name_text, "default");
	s->facts.retention = 2;
	s->caller = (struct caller){.tenant = id_new(0),
		.principal = id_new(0),
		.facts = &s->facts,
		.rights = &everything};
	s->trace = trace_new();
	s->scene = (struct job_scene){.config = s->config,
		.caller = &s->caller,
		.queues = s->queues,
		.trace = &s->trace,
		.by = {.kind = "key"}};
	s->vectors = vectors_read();
	*state = s;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *s = *state;

	json_decref(s->vectors);
	config_release(s->config);
	free(s->queues);
	free(s);
	return 0;
}

static enum err ask(const struct scene *s, const json_t *vector, struct problems *p)
{
	struct job_spec spec;
	struct buf body;
	enum err e;

	*p = (struct problems){.n = 0};
	buf_init(&body, TEXT_MAX);
	assert_int_equal(json_write(json_object_get(vector, "body"), &body), ERR_OK);
	e = job_spec_read(&spec, &s->scene, body.bytes, body.len, p);
	job_spec_clear(&spec);
	buf_clear(&body);
	return e;
}

/* promises: C1 */
static void test_every_valid_vector_is_taken(void **state)
{
	const struct scene *s = *state;
	const json_t *list = json_object_get(s->vectors, "valid");

	assert_true(json_array_size(list) > 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *vector = json_array_get(list, i);
		struct problems p;
		enum err e = ask(s, vector, &p);

		if (e != ERR_OK || p.total > 0)
			fail_msg("%s: %s %s", json_string_value(json_object_get(vector, "name")),
				p.list[0].pointer, p.list[0].detail);
	}
}

static bool told(const struct problems *p, const char *pointer)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->list[i].pointer, pointer) == 0)
			return true;
	}
	return false;
}

/* promises: C1 */
static void test_every_invalid_vector_is_refused_at_its_place(void **state)
{
	const struct scene *s = *state;
	const json_t *list = json_object_get(s->vectors, "invalid");

	assert_true(json_array_size(list) > 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *vector = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(vector, "name"));
		const char *code = json_string_value(json_object_get(vector, "code"));
		const char *pointer = json_string_value(json_object_get(vector, "pointer"));
		struct problems p;
		enum err e = ask(s, vector, &p);

		if (strcmp(err_code(e), code) != 0)
			fail_msg("%s: %s, expected %s", name, err_code(e), code);
		if (!told(&p, pointer))
			fail_msg("%s: %s %s, expected %s", name, p.list[0].pointer,
				p.list[0].detail, pointer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_valid_vector_is_taken),
		cmocka_unit_test(test_every_invalid_vector_is_refused_at_its_place),
	};

	return cmocka_run_group_tests(tests, scene_open, scene_close);
}

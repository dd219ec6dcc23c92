#include "upstream_health.h"

#include "ground/buf.h"

#include <string.h>

enum { CELL_MAX_BYTES = 1024 };

static const char *word(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

/* Worst first. */
static size_t badness(const char *state)
{
	static const char *const states[] = {"closed", "ramping", "probing", "open"};
	size_t i = sizeof(states) / sizeof(states[0]) - 1;

	while (i > 0 && strcmp(states[i], state) != 0)
		i--;
	return i;
}

static void put(json_t *health, const char *member, struct buf *text)
{
	json_object_set_new(health, member, text->len > 0 ? json_string(text->bytes) : json_null());
	buf_clear(text);
}

/* "open: gpt-x, 2 of 3 not closed" */
static void put_breaker(json_t *health, const json_t *upstream)
{
	const json_t *breakers = json_object_get(upstream, "breakers"), *one, *worst = NULL;
	size_t i, troubled = 0;
	struct buf text;

	json_array_foreach(breakers, i, one)
	{
		const size_t bad = badness(word(one, "state"));

		troubled += bad > 0;
		if (bad > (worst ? badness(word(worst, "state")) : 0))
			worst = one;
	}
	buf_init(&text, CELL_MAX_BYTES);
	if (!json_is_true(json_object_get(upstream, "shared")))
		buf_text(&text, "not shared");
	else if (worst)
		buf_printf(&text, "%s: %s", word(worst, "state"), word(worst, "model"));
	else
		buf_text(&text, "closed");
	if (troubled > 1)
		buf_printf(&text, " and %zu more", troubled - 1);
	put(health, "breaker", &text);
}

static void put_words(struct buf *text, const json_t *guards, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(guards, i, one)
	{
		const char *mode = word(one, "mode");

		if (strcmp(mode, "block") == 0 || strcmp(mode, "allow") == 0)
			buf_printf(text, "%s%s %s%s", text->len > 0 ? ", " : "", mode,
				strcmp(name, "label") == 0 ? "key " : "", word(one, name));
	}
}

static void put_by_hand(json_t *health, const json_t *upstream)
{
	struct buf text;

	buf_init(&text, CELL_MAX_BYTES);
	put_words(&text, json_object_get(upstream, "breakers"), "model");
	put_words(&text, json_object_get(upstream, "keys"), "label");
	put(health, "by_hand", &text);
}

/* "3, set aside: second" */
static void put_keys(json_t *health, const json_t *upstream)
{
	const json_t *one;
	struct buf text;
	size_t i, aside = 0;

	buf_init(&text, CELL_MAX_BYTES);
	buf_printf(&text, "%zu", json_array_size(json_object_get(upstream, "key_labels")));
	json_array_foreach(json_object_get(upstream, "keys"), i, one)
	{
		if (badness(word(one, "state")) > 0)
			buf_printf(&text, "%s %s",
				aside++ > 0 ? "," : ", set aside:", word(one, "label"));
	}
	put(health, "keys", &text);
}

static double left(const json_t *pace, const char *bucket)
{
	const json_t *of = json_object_get(pace, bucket);
	const double capacity = json_number_value(json_object_get(of, "capacity"));

	return capacity > 0 ? json_number_value(json_object_get(of, "level")) / capacity : 1;
}

/* The least that is left of a limit, as a share: "12 % left". */
static void put_pacing(json_t *health, const json_t *upstream)
{
	json_int_t calls = 0, waiting = 0;
	const json_t *one;
	double least = 1;
	struct buf text;
	size_t i;

	json_array_foreach(json_object_get(upstream, "pacing"), i, one)
	{
		const double requests = left(one, "requests"), tokens = left(one, "tokens");

		calls += json_integer_value(json_object_get(one, "in_flight"));
		waiting += json_integer_value(json_object_get(one, "waiting"));
		least = requests < least ? requests : least;
		least = tokens < least ? tokens : least;
	}
	json_object_set_new(health, "calls", json_integer(calls));
	json_object_set_new(health, "waiting", json_integer(waiting));
	/* the budget is the upstream's: each of its rows says the same of it */
	one = json_array_get(json_object_get(upstream, "pacing"), 0);
	if (json_object_get(one, "retries_left"))
		json_object_set(health, "retries_left", json_object_get(one, "retries_left"));
	buf_init(&text, CELL_MAX_BYTES);
	if (least < 1)
		buf_printf(&text, "%.0f %% left", least > 0 ? least * 100 : 0);
	put(health, "pacing", &text);
}

void upstream_health_put(json_t *upstream)
{
	json_t *health = json_object();

	put_breaker(health, upstream);
	put_by_hand(health, upstream);
	put_keys(health, upstream);
	put_pacing(health, upstream);
	json_object_set_new(upstream, "health", health);
}

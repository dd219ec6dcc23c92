#include "http/query.h"

#include "ground/clock.h"
#include "http/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void query_add(struct query *q, const char *name, const char *value)
{
	struct query_pair *pair = &q->pairs[q->n];

	if (!value)
		value = "";
	if (q->n == QUERY_MAX ||
		!route_unescape(name, strlen(name), true, pair->name, sizeof pair->name) ||
		!route_unescape(value, strlen(value), true, pair->value, sizeof pair->value))
		q->bad = true;
	else
		q->n++;
}

static const struct query_pair *pair_find(const struct query *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++)
		if (strcmp(q->pairs[i].name, name) == 0)
			return &q->pairs[i];
	return NULL;
}

static bool int_read(const char *text, int64_t *ret)
{
	char *end;
	size_t len = strlen(text);

	if (len == 0 || len > 15 || strspn(text, "-0123456789") != len)
		return false;
	*ret = strtoll(text, &end, 10);
	return *end == '\0';
}

static void value_check(const struct query_field *f, const char *value, struct problems *p)
{
	char pointer[QUERY_NAME_MAX + 2];
	int64_t n = 0;

	(void)snprintf(pointer, sizeof pointer, "?%s", f->name);
	if (f->type == QUERY_INT && (!int_read(value, &n) || n < f->min || n > f->max))
		problems_add(p, pointer, "must be a whole number from %lld to %lld",
			(long long)f->min, (long long)f->max);
	if (f->type == QUERY_BOOL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		problems_add(p, pointer, "must be true or false");
	if (f->type == QUERY_TIME && clock_parse(value, &n) != 0)
		problems_add(p, pointer, "must be an RFC 3339 time");
	n = (int64_t)strlen(value);
	if (f->type == QUERY_TEXT && (n < f->min || n > f->max))
		problems_add(p, pointer, "must have %lld to %lld bytes", (long long)f->min,
			(long long)f->max);
}

/* The name is the caller's own word, decoded and bounded; replies escape it. */
static void pair_refuse(const char *name, const char *why, struct problems *p)
{
	char pointer[QUERY_NAME_MAX + 2];

	(void)snprintf(pointer, sizeof pointer, "?%s", name);
	problems_add(p, pointer, "%s", why);
}

static void unknown_refuse(const char *name, const struct query_field *fields, struct problems *p)
{
	char why[PROBLEM_DETAIL_MAX] = "this call knows no parameter at all";
	size_t len = 0;

	for (const struct query_field *f = fields; f->name && len < sizeof why; f++)
		len += (size_t)snprintf(why + len, sizeof why - len, "%s%s",
			len ? ", " : "this call knows no such parameter: there are ", f->name);
	pair_refuse(name, why, p);
}

bool query_check(const struct query *q, const struct query_field *fields, struct problems *p)
{
	size_t before = p->total;

	if (q->bad)
		problems_add(
			p, "?", "must be at most %d decodable pairs of sensible length", QUERY_MAX);
	for (size_t i = 0; i < q->n; i++) {
		const char *name = q->pairs[i].name;
		const struct query_field *f = fields;

		while (f->name && strcmp(f->name, name) != 0)
			f++;
		if (!f->name)
			unknown_refuse(name, fields, p);
		else if (pair_find(q, name) != &q->pairs[i])
			pair_refuse(name, "is given twice", p);
		else
			value_check(f, q->pairs[i].value, p);
	}
	return p->total == before;
}

const char *query_text(const struct query *q, const char *name)
{
	const struct query_pair *pair = pair_find(q, name);

	return pair ? pair->value : NULL;
}

int64_t query_int(const struct query *q, const char *name, int64_t initial)
{
	const char *text = query_text(q, name);

	return text ? strtoll(text, NULL, 10) : initial;
}

int query_bool(const struct query *q, const char *name)
{
	const char *text = query_text(q, name);

	return text ? strcmp(text, "true") == 0 : -1;
}

int64_t query_time(const struct query *q, const char *name)
{
	const char *text = query_text(q, name);
	int64_t ms = 0;

	if (text && clock_parse(text, &ms) != 0)
		ms = 0;
	return ms;
}

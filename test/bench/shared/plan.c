#include "bench/shared/plan.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 512, GROW = 1024 };

static const char words[] = "the quick brown fox jumps over the lazy dog and then some more of it ";

/* One more element at the end of a list that grows by leaps; NULL: no memory. */
static void *list_more(void *list, size_t n, size_t size)
{
	return n % GROW == 0 ? realloc(list, (n + GROW) * size) : list;
}

static enum err line_read(const char *text, size_t keys_n, struct plan_line *ret)
{
	struct plan_line l = {0};
	long long at;
	unsigned follow;
	int n = sscanf(text, "%lld %u %u %u %u %159s", &at, &l.key, &follow, &l.prompt_bytes,
		&l.max_tokens, l.model);

	if (n != 6 || at < 0 || follow > 1 || l.key >= keys_n)
		return ERR_INVALID_FIELD;
	l.at_us = at;
	l.follow = follow == 1;
	*ret = l;
	return ERR_OK;
}

static enum err keys_read(FILE *keys, struct plan *plan)
{
	char line[LINE_MAX_BYTES], header[LINE_MAX_BYTES + 32];

	while (fgets(line, sizeof(line), keys)) {
		char **more = list_more(plan->keys, plan->keys_n, sizeof(*more));

		line[strcspn(line, "\n")] = '\0';
		snprintf(header, sizeof(header), "Authorization: Bearer %s", line);
		if (!more)
			return ERR_NOMEM;
		plan->keys = more;
		if (!(more[plan->keys_n] = strdup(header)))
			return ERR_NOMEM;
		plan->keys_n++;
	}
	return plan->keys_n ? ERR_OK : ERR_INVALID_FIELD;
}

static enum err lines_read(FILE *lines, struct plan *plan)
{
	char line[LINE_MAX_BYTES];
	enum err e = ERR_OK;

	while (e == ERR_OK && fgets(line, sizeof(line), lines)) {
		struct plan_line *more = list_more(plan->lines, plan->n, sizeof(*more));

		if (!more)
			return ERR_NOMEM;
		plan->lines = more;
		e = line_read(line, plan->keys_n, &more[plan->n]);
		plan->n += e == ERR_OK;
	}
	return e;
}

enum err plan_read(FILE *lines, FILE *keys, struct plan *ret_plan, size_t *ret_line)
{
	struct plan plan = {0};
	enum err e = keys_read(keys, &plan);

	if (e == ERR_OK)
		e = lines_read(lines, &plan);
	if (e == ERR_OK)
		*ret_plan = plan;
	else
		plan_clear(&plan);
	*ret_line = plan.n + 1;
	return e;
}

void plan_clear(struct plan *plan)
{
	for (size_t i = 0; i < plan->keys_n; i++)
		free(plan->keys[i]);
	free(plan->keys);
	free(plan->lines);
	plan->keys = NULL;
	plan->lines = NULL;
}

enum err plan_body(const struct plan_line *line, struct buf *out)
{
	unsigned left = line->prompt_bytes;

	buf_printf(out,
		"{\"kind\":\"chat\",\"input\":{\"model\":\"%s\",\"max_tokens\":%u,"
		"\"messages\":[{\"role\":\"user\",\"content\":\"",
		line->model, line->max_tokens);
	for (; left >= sizeof(words) - 1; left -= sizeof(words) - 1)
		buf_append(out, words, sizeof(words) - 1);
	buf_append(out, words, left ? left : 1);
	return buf_text(out, "\"}]}}");
}

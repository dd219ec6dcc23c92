#include "domain/verdict.h"

#include <stdlib.h>

struct released {
	struct buf text;
	struct id decision;
};

/* Will hold what is not judged yet. */
struct verdict {
	struct id decision;
};

/* "Passed without moderation": a version 8 UUID (RFC 9562: any meaning we give it). */
static const struct id VERDICT_PASSED = {
	{0x70, 0x61, 0x73, 0x73, 0, 0, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 0x01}};

enum err released_new(size_t max, struct released **ret_released)
{
	struct released *released = calloc(1, sizeof(*released));

	if (released == NULL)
		return ERR_NOMEM;
	buf_init(&released->text, max);
	*ret_released = released;
	return ERR_OK;
}

void released_free(struct released *released)
{
	if (released == NULL)
		return;
	buf_clear(&released->text);
	free(released);
}

void released_reset(struct released *released)
{
	buf_reset(&released->text);
}

const char *released_bytes(const struct released *released)
{
	return released->text.bytes != NULL ? released->text.bytes : "";
}

size_t released_len(const struct released *released)
{
	return released->text.len;
}

struct id released_decision(const struct released *released)
{
	return released->decision;
}

enum err verdict_new(struct verdict **ret_verdict)
{
	struct verdict *verdict = calloc(1, sizeof(*verdict));

	if (verdict == NULL)
		return ERR_NOMEM;
	verdict->decision = VERDICT_PASSED;
	*ret_verdict = verdict;
	return ERR_OK;
}

void verdict_free(struct verdict *verdict)
{
	free(verdict);
}

enum err verdict_feed(struct verdict *verdict, const char *text, size_t len, struct released *into)
{
	enum err e = buf_append(&into->text, text, len);

	if (e == ERR_OK)
		into->decision = verdict->decision;
	return e;
}

enum err verdict_whole(
	struct verdict *verdict, const char *reply, size_t len, struct released *into)
{
	released_reset(into);
	return verdict_feed(verdict, reply, len, into);
}

#include "http/form.h"

#include "ground/digest.h"
#include "http/route.h"

#include <stdlib.h>
#include <string.h>

/* Decodes bytes to *at, which moves behind the text and its NUL. */
static const char *unescape(const char *bytes, size_t len, char **at)
{
	char *text = *at;

	if (!route_unescape(bytes, len, true, text, len + 1))
		return NULL;
	*at += strlen(text) + 1;
	return text;
}

static bool has(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->n; i++)
		if (strcmp(form->pairs[i].name, name) == 0)
			return true;
	return false;
}

static bool pair_read(struct form *form, const char *bytes, size_t len, char **at)
{
	const char *equals = memchr(bytes, '=', len);
	size_t name_len = equals ? (size_t)(equals - bytes) : len;
	const char *name = unescape(bytes, name_len, at);
	const char *value = equals ? unescape(equals + 1, len - name_len - 1, at) : "";

	if (!name || !value || has(form, name) || form->n == FORM_MAX)
		return false;
	form->pairs[form->n++] = (struct form_pair){name, value};
	return true;
}

enum err form_read(const char *bytes, size_t len, struct form *ret_form)
{
	/* no escape makes a text longer; a NUL for each name and value */
	struct form form = {.len = len + 2 * (size_t)FORM_MAX + 2};
	bool good = true;
	char *at;

	form.bytes = calloc(1, form.len);
	if (!form.bytes)
		return ERR_NOMEM;
	at = form.bytes;
	for (size_t i = 0; good && i < len;) {
		const char *end = memchr(bytes + i, '&', len - i);
		size_t n = end ? (size_t)(end - bytes) - i : len - i;

		if (n)
			good = form.n < FORM_MAX && pair_read(&form, bytes + i, n, &at);
		i += n + 1;
	}
	if (good)
		*ret_form = form;
	else
		free(form.bytes);
	return good ? ERR_OK : ERR_INVALID_FIELD;
}

const char *form_text(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->n; i++)
		if (strcmp(form->pairs[i].name, name) == 0)
			return *form->pairs[i].value ? form->pairs[i].value : NULL;
	return NULL;
}

void form_clear(struct form *form)
{
	if (!form->bytes)
		return;
	digest_wipe(form->bytes, form->len);
	free(form->bytes);
	memset(form, 0, sizeof *form);
}

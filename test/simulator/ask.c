#include "simulator/ask.h"

#include "simulator/text.h"

#include <stdlib.h>
#include <string.h>

enum { ASK_DEPTH = 64 };

static enum err text_part(const json_t *value, struct buf *out)
{
	if (out->len > 0)
		buf_char(out, '\n');
	return buf_append(out, json_string_value(value), json_string_length(value));
}

/* Content is a string or a list of parts that carry "text". */
static enum err content_append(const json_t *content, struct buf *out)
{
	size_t i;
	json_t *part;

	if (json_is_string(content))
		return text_part(content, out);
	json_array_foreach(content, i, part)
	{
		json_t *text = json_is_string(part) ? part : json_object_get(part, "text");
		if (json_is_string(text) && text_part(text, out) != ERR_OK)
			break;
	}
	return buf_err(out);
}

/* The last turn that a user spoke; without one, the last turn. */
static const json_t *last_user(const json_t *turns)
{
	const json_t *found = NULL;
	size_t i;
	json_t *turn;

	json_array_foreach(turns, i, turn)
	{
		const char *role = json_string_value(json_object_get(turn, "role"));
		if (!found || (role && strcmp(role, "user") == 0))
			found = turn;
	}
	return json_object_get(found, "content");
}

static bool has_turns(const json_t *input)
{
	return json_is_object(json_array_get(input, 0));
}

static enum err prompt_read(const json_t *body, struct ask *a)
{
	const json_t *turns = json_object_get(body, "messages");
	const json_t *input = json_object_get(body, "input");

	if (!turns && has_turns(input))
		turns = input;
	return content_append(turns ? last_user(turns) : input, &a->prompt);
}

/* Embeddings and moderations answer each element; token lists are hashed as they stand. */
static enum err inputs_read(const json_t *input, struct ask *a)
{
	bool list = json_is_array(input) && !json_is_integer(json_array_get(input, 0));
	size_t n = !input ? 0 : list ? json_array_size(input) : 1;

	if (n == 0 || n > ASK_INPUTS_MAX || has_turns(input))
		return ERR_OK;
	a->inputs = calloc(n, sizeof(*a->inputs));
	if (!a->inputs)
		return ERR_NOMEM;
	for (; a->inputs_n < n; a->inputs_n++) {
		const json_t *one = list ? json_array_get(input, a->inputs_n) : input;
		a->inputs[a->inputs_n] = text_hash(json_string_value(one), json_string_length(one));
	}
	return ERR_OK;
}

static unsigned number_of(const json_t *body, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(body, name));

	return value > 0 && value <= 10000000 ? (unsigned)value : 0;
}

static void flags_read(const json_t *body, struct ask *a)
{
	const json_t *options = json_object_get(body, "stream_options");
	const char *format = json_string_value(json_object_get(body, "encoding_format"));
	static const char *const limits[] = {
		"max_completion_tokens", "max_tokens", "max_output_tokens"};

	a->stream = json_is_true(json_object_get(body, "stream"));
	a->usage = json_is_true(json_object_get(options, "include_usage"));
	a->base64 = format && strcmp(format, "base64") == 0;
	a->dimensions = number_of(body, "dimensions");
	if (a->dimensions == 0 || a->dimensions > 4096)
		a->dimensions = ASK_DIMENSIONS;
	for (size_t i = 0; i < 3 && a->max_tokens == 0; i++)
		a->max_tokens = number_of(body, limits[i]);
}

static enum err model_read(const json_t *body, struct problems *p, struct ask *a)
{
	const char *model = json_string_value(json_object_get(body, "model"));

	if (!model) {
		problems_add(p, "/model", "is required");
		return ERR_INVALID_FIELD;
	}
	if (behaviour_parse(model, &a->how) != ERR_OK) {
		problems_add(p, "/model", "has an unknown parameter, or one out of range");
		return ERR_INVALID_FIELD;
	}
	a->model = strdup(model);
	return a->model ? ERR_OK : ERR_NOMEM;
}

static enum err body_read(const json_t *body, struct problems *p, struct ask *a)
{
	enum err e = model_read(body, p, a);

	if (e == ERR_OK)
		e = prompt_read(body, a);
	if (e == ERR_OK)
		e = inputs_read(json_object_get(body, "input"), a);
	flags_read(body, a);
	return e;
}

enum err ask_read(const char *bytes, size_t len, struct problems *p, struct ask *ret)
{
	struct ask a = {0};
	json_t *body = NULL;
	enum err e = json_read(bytes, len, ASK_DEPTH, p, &body);

	buf_init(&a.prompt, ASK_PROMPT_MAX);
	behaviour_init(&a.how);
	if (e != ERR_OK)
		goto out;
	e = body_read(body, p, &a);
	if (e != ERR_OK)
		goto out;
	a.input_tokens = text_count(a.prompt.bytes, a.prompt.len);
	*ret = a;
	memset(&a, 0, sizeof(a));
out:
	ask_clear(&a);
	json_decref(body);
	return e;
}

void ask_clear(struct ask *a)
{
	free(a->model);
	free(a->inputs);
	buf_clear(&a->prompt);
	a->model = NULL;
	a->inputs = NULL;
}

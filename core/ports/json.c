#include "ports/json.h"

#include "ground/utf8.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void problems_copy(char *out, size_t room, const char *text)
{
	size_t n = utf8_cut(text, strlen(text), room - 1);

	memcpy(out, text, n);
	out[n] = '\0';
}

void problems_add(struct problems *p, const char *pointer, const char *detail, ...)
{
	struct problem *slot;
	char text[2 * PROBLEM_DETAIL_MAX];
	va_list args;

	p->total++;
	if (p->n == PROBLEM_MAX)
		return;
	slot = &p->list[p->n++];
	va_start(args, detail);
	vsnprintf(text, sizeof(text), detail, args);
	va_end(args);
	problems_copy(slot->pointer, sizeof(slot->pointer), pointer);
	problems_copy(slot->detail, sizeof(slot->detail), text);
}

/* jansson reports some failed allocations as a syntax error. Its allocator is ours, so that a
 * caller is never told that a good text was bad. */
static _Thread_local bool json_starved;

/* jansson 2.14 does not hear that a string it reads found no room to grow into: it leaves out a
 * character, or writes over what lies behind the last block. So it is asked beforehand whether
 * there is room for a long one. */
enum { TEXT_ASKED_MIN = 4096, TEXT_GROWTH = 4 };

static bool json_has_room(size_t len)
{
	void *p = len < TEXT_ASKED_MIN ? NULL : malloc(TEXT_GROWTH * len);
	const bool fits = p != NULL || len < TEXT_ASKED_MIN;

	free(p);
	return fits;
}

static void *json_allocate(size_t n)
{
	void *p = malloc(n);

	if (p == NULL)
		json_starved = true;
	return p;
}

static void json_free(void *p)
{
	free(p);
}

static void json_start(void)
{
	json_set_alloc_funcs(json_allocate, json_free);
	json_object_seed(0);
}

/* jansson's own words quote the text; these do not. */
static const char *const JSON_FAULTS[] = {
	[json_error_premature_end_of_input] = "the text ends too early",
	[json_error_end_of_input_expected] = "something follows the value",
	[json_error_invalid_syntax] = "this is not JSON",
	[json_error_invalid_utf8] = "a byte is not UTF-8",
	[json_error_duplicate_key] = "an object has a member twice",
	[json_error_numeric_overflow] = "a number is too large",
	[json_error_null_character] = "a string holds a NUL character",
	[json_error_null_value] = "a value is missing",
	[json_error_null_byte_in_key] = "a member's name holds a NUL character",
	[json_error_stack_overflow] = "nested too deeply",
};

static enum err json_fault(const json_error_t *error, struct problems *p)
{
	enum json_error_code code = json_error_code(error);
	const char *text = NULL;

	if (json_starved)
		return ERR_NOMEM;
	if ((size_t)code < sizeof(JSON_FAULTS) / sizeof(*JSON_FAULTS))
		text = JSON_FAULTS[code];
	problems_add(p, "", "line %d, column %d: %s", error->line, error->column,
		text != NULL ? text : JSON_FAULTS[json_error_invalid_syntax]);
	return ERR_INVALID_JSON;
}

/* The offset just behind a string that starts at i with its quote. */
static size_t json_string_end(const char *bytes, size_t len, size_t i)
{
	for (i++; i < len && bytes[i] != '"'; i++) {
		if (bytes[i] == '\\')
			i++;
	}
	return i < len ? i + 1 : len;
}

/* What jansson 2.14 allocates with glibc, by the character that stands for it: an object and its
 * first buckets, a list and its first places, a text, what a name's entry takes more, and with a
 * comma one more place, which a list doubles, and a number. */
static const unsigned short JSON_WEIGHTS[256] = {
	['{'] = 224, ['['] = 128, ['"'] = 112, [':'] = 64, [','] = 64};
enum { JSON_LEAST_WEIGHT = 64 };

struct json_scan {
	int depth; /* the deepest */
	size_t memory;
};

/* Looked at before parsing, so that what is refused costs no stack and no memory; no further than
 * to where it is too much. */
static struct json_scan json_look(const char *bytes, size_t len, const struct json_bounds *bounds)
{
	struct json_scan scan = {.memory = JSON_LEAST_WEIGHT};
	int depth = 0;
	size_t i = 0;

	while (i < len && scan.depth <= bounds->depth && scan.memory <= bounds->memory) {
		const char c = bytes[i];

		scan.memory += JSON_WEIGHTS[(unsigned char)c];
		if (c == '"') {
			i = json_string_end(bytes, len, i);
			continue;
		}
		if ((c == '{' || c == '[') && ++depth > scan.depth)
			scan.depth = depth;
		depth -= c == '}' || c == ']';
		i++;
	}
	return scan;
}

size_t json_weight(const char *bytes, size_t len)
{
	const struct json_bounds none = {INT_MAX, SIZE_MAX};

	return json_look(bytes, len, &none).memory;
}

static enum err json_bounds_check(
	const char *bytes, size_t len, const struct json_bounds *bounds, struct problems *p)
{
	const struct json_scan scan = json_look(bytes, len, bounds);

	if (scan.depth > bounds->depth)
		problems_add(p, "", "nested deeper than %d", bounds->depth);
	else if (scan.memory > bounds->memory)
		problems_add(p, "",
			"so many values that they take more than %zu MiB of memory: send fewer",
			bounds->memory >> 20);
	else
		return ERR_OK;
	return ERR_TOO_LARGE;
}

static bool json_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t json_skip_space(const char *bytes, size_t len, size_t i)
{
	while (i < len && json_space(bytes[i]))
		i++;
	return i;
}

/* jansson 2.14 drops a NUL behind a number or a word; who reads the bytes after it would not. */
static bool json_has_nul(const char *bytes, size_t len, struct problems *p)
{
	const char *nul = len > 0 ? memchr(bytes, '\0', len) : NULL;

	if (nul != NULL)
		problems_add(p, "", "byte %zu: a NUL", (size_t)(nul - bytes) + 1);
	return nul != NULL;
}

enum err json_read(
	const char *bytes, size_t len, int depth_max, struct problems *p, json_t **ret_value)
{
	const struct json_bounds bounds = {depth_max, SIZE_MAX};

	return json_read_within(bytes, len, &bounds, p, ret_value);
}

enum err json_read_within(const char *bytes, size_t len, const struct json_bounds *bounds,
	struct problems *p, json_t **ret_value)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	json_error_t error;
	json_t *value;

	pthread_once(&once, json_start);
	json_starved = false;
	if (json_bounds_check(bytes, len, bounds, p))
		return ERR_TOO_LARGE;
	if (json_has_nul(bytes, len, p))
		return ERR_INVALID_JSON;
	if (json_skip_space(bytes, len, 0) == len) {
		problems_add(p, "", "the body is empty");
		return ERR_INVALID_JSON;
	}
	if (!json_has_room(len))
		return ERR_NOMEM;
	value = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (value == NULL)
		return json_fault(&error, p);
	/* it may go on without what it had no memory for: a string, then, is missing */
	if (json_starved) {
		json_decref(value);
		return ERR_NOMEM;
	}
	*ret_value = value;
	return ERR_OK;
}

static int json_put(const char *bytes, size_t len, void *out)
{
	return buf_append(out, bytes, len) == ERR_OK ? 0 : -1;
}

enum err json_write(const json_t *value, struct buf *out)
{
	if (json_dump_callback(value, json_put, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return buf_err(out);
	return buf_err(out) != ERR_OK ? buf_err(out) : ERR_NOMEM;
}

/* The offset just behind the value that starts at i: at the comma or brace of its own level. */
static size_t json_value_end(const char *bytes, size_t len, size_t i)
{
	int depth = 0;

	while (i < len) {
		char c = bytes[i];

		if (c == '"') {
			i = json_string_end(bytes, len, i);
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			break;
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		i++;
	}
	return i;
}

static size_t json_trim_end(const char *bytes, size_t from, size_t to)
{
	while (to > from && json_space(bytes[to - 1]))
		to--;
	return to;
}

bool json_raw(const char *bytes, size_t len, const char *name, size_t *ret_at, size_t *ret_len)
{
	size_t n = strlen(name);
	size_t i = json_skip_space(bytes, len, 0);

	if (i >= len || bytes[i] != '{')
		return false;
	i = json_skip_space(bytes, len, i + 1);
	while (i < len && bytes[i] == '"') {
		size_t key = i + 1;
		size_t key_end = json_string_end(bytes, len, i) - 1;
		size_t at = json_skip_space(bytes, len, key_end + 1);
		size_t end;

		at = json_skip_space(bytes, len, at + 1);
		end = json_value_end(bytes, len, at);
		if (key_end - key == n && memcmp(bytes + key, name, n) == 0) {
			*ret_at = at;
			*ret_len = json_trim_end(bytes, at, end) - at;
			return true;
		}
		i = json_skip_space(bytes, len, end + 1);
	}
	return false;
}

/* What a type is called in a problem, and what its range counts. */
static const struct {
	int mask;
	const char *name;
	const char *unit;
} JSON_TYPES[] = {
	{JSON_IS_STRING, "a string", " bytes"},
	{JSON_IS_INTEGER, "an integer", ""},
	{JSON_IS_NUMBER, "a number", ""},
	{JSON_IS_BOOL, "true or false", ""},
	{JSON_IS_OBJECT, "an object", " members"},
	{JSON_IS_ARRAY, "an array", " elements"},
	{JSON_IS_NULL, "null", ""},
};

enum { JSON_TYPES_N = sizeof(JSON_TYPES) / sizeof(*JSON_TYPES) };

static int json_mask(const json_t *value)
{
	static const int masks[] = {
		[JSON_OBJECT] = JSON_IS_OBJECT,
		[JSON_ARRAY] = JSON_IS_ARRAY,
		[JSON_STRING] = JSON_IS_STRING,
		[JSON_INTEGER] = JSON_IS_INTEGER | JSON_IS_NUMBER,
		[JSON_REAL] = JSON_IS_NUMBER,
		[JSON_TRUE] = JSON_IS_BOOL,
		[JSON_FALSE] = JSON_IS_BOOL,
		[JSON_NULL] = JSON_IS_NULL,
	};

	return masks[json_typeof(value)];
}

static void json_wrong_type(const char *pointer, int types, struct problems *p)
{
	char text[PROBLEM_DETAIL_MAX] = "";
	size_t len = 0;

	for (int i = 0; i < JSON_TYPES_N; i++) {
		if ((types & JSON_TYPES[i].mask) != 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
				len > 0 ? " or " : "", JSON_TYPES[i].name);
	}
	problems_add(p, pointer, "must be %s", text);
}

/* What a range is about: the integer itself, or a length. */
static int64_t json_extent(const json_t *value)
{
	if (json_is_string(value))
		return (int64_t)json_string_length(value);
	if (json_is_array(value))
		return (int64_t)json_array_size(value);
	if (json_is_object(value))
		return (int64_t)json_object_size(value);
	return json_integer_value(value);
}

static void json_check_range(const json_t *value, const char *pointer,
	const struct json_field *field, struct problems *p)
{
	int mask = json_mask(value);
	int64_t extent = json_extent(value);
	const char *unit = "";

	if ((field->min == 0 && field->max == 0) || (mask & (JSON_IS_BOOL | JSON_IS_NULL)) != 0 ||
		json_is_real(value))
		return;
	if (extent >= field->min && extent <= field->max)
		return;
	for (int i = 0; i < JSON_TYPES_N; i++) {
		if (JSON_TYPES[i].mask == mask)
			unit = JSON_TYPES[i].unit;
	}
	problems_add(p, pointer, "must %s %lld to %lld%s", *unit != '\0' ? "have" : "be",
		(long long)field->min, (long long)field->max, unit);
}

/* base/name with RFC 6901's two escapes. */
static void json_pointer(char out[PROBLEM_POINTER_MAX], const char *base, const char *name)
{
	size_t n = (size_t)snprintf(out, PROBLEM_POINTER_MAX, "%s/", base);

	if (n >= PROBLEM_POINTER_MAX)
		return;
	for (; *name != '\0' && n + 3 < PROBLEM_POINTER_MAX; name++) {
		if (*name == '~' || *name == '/') {
			out[n++] = '~';
			out[n++] = *name == '~' ? '0' : '1';
		} else {
			out[n++] = *name;
		}
	}
	out[n] = '\0';
	out[utf8_valid(out, n) ? n : utf8_cut(out, n, n - 1)] = '\0';
}

static const struct json_field *json_known(const struct json_field *fields, const char *name)
{
	for (; fields->name != NULL; fields++) {
		if (strcmp(fields->name, name) == 0)
			return fields;
	}
	return NULL;
}

static void json_check_unknown(
	const json_t *object, const char *base, const struct json_field *fields, struct problems *p)
{
	char pointer[PROBLEM_POINTER_MAX];
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value)
	{
		if (json_known(fields, name) != NULL)
			continue;
		json_pointer(pointer, base, name);
		problems_add(p, pointer, "is not a known field");
	}
}

static void json_check_field(
	const json_t *value, const char *base, const struct json_field *field, struct problems *p)
{
	char pointer[PROBLEM_POINTER_MAX];

	json_pointer(pointer, base, field->name);
	if (value == NULL && field->need == JSON_REQUIRED)
		problems_add(p, pointer, "is required");
	else if (value != NULL && (json_mask(value) & (int)field->types) == 0)
		json_wrong_type(pointer, (int)field->types, p);
	else if (value != NULL)
		json_check_range(value, pointer, field, p);
}

bool json_check(
	const json_t *object, const char *base, const struct json_field *fields, struct problems *p)
{
	size_t before = p->total;

	if (!json_is_object(object)) {
		problems_add(p, base, "must be an object");
		return false;
	}
	for (const struct json_field *field = fields; field->name != NULL; field++)
		json_check_field(json_object_get(object, field->name), base, field, p);
	json_check_unknown(object, base, fields, p);
	return p->total == before;
}

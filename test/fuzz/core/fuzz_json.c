/* What is read can be written and read again; a member's bytes are a value by themselves. */
#include "ports/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_written(const json_t *value)
{
	struct problems p = {.n = 0};
	json_t *again = NULL;
	struct buf out;

	buf_init(&out, 1 << 20);
	if (json_write(value, &out) == ERR_OK) {
		if (json_read(out.bytes, out.len, 70, &p, &again) != ERR_OK ||
			!json_equal(again, value))
			abort();
		json_decref(again);
	}
	buf_clear(&out);
}

static void check_member(const char *text, size_t len, const json_t *value, const char *name)
{
	struct problems p = {.n = 0};
	json_t *member = NULL;
	size_t at, n;

	if (!json_raw(text, len, name, &at, &n))
		return;
	if (at + n > len || json_read(text + at, n, 70, &p, &member) != ERR_OK ||
		!json_equal(member, json_object_get(value, name)))
		abort();
	json_decref(member);
}

/* What passes passes at its weight, and not below. */
static void check_weight(const char *text, size_t len)
{
	const struct json_bounds bounds = {64, json_weight(text, len)};
	const struct json_bounds less = {64, bounds.memory - 1};
	struct problems p = {.n = 0};
	json_t *value = NULL;

	if (json_read_within(text, len, &less, &p, &value) != ERR_TOO_LARGE || p.total == 0 ||
		json_read_within(text, len, &bounds, &p, &value) != ERR_OK)
		abort();
	json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct json_field fields[] = {
		{"a", JSON_IS_STRING, JSON_REQUIRED, 1, 3},
		{"input", JSON_IS_OBJECT | JSON_IS_NULL, JSON_OPTIONAL, 0, 2},
		{NULL, 0, JSON_OPTIONAL, 0, 0},
	};
	struct problems p = {.n = 0};
	const char *text = (const char *)bytes;
	json_t *value = NULL;

	if (json_read(text, len, 64, &p, &value) != ERR_OK) {
		if (p.total == 0)
			abort();
		return 0;
	}
	json_check(value, "/x", fields, &p);
	check_weight(text, len);
	check_written(value);
	check_member(text, len, value, "a");
	check_member(text, len, value, "input");
	json_decref(value);
	return 0;
}

/* json.h - JSON in and out (jansson lives behind this).
 *
 * Reading is strict: UTF-8 only, no duplicate keys, no NUL, a depth limit, one
 * value and nothing after it. What a check finds wrong is collected as problems
 * with a JSON pointer (RFC 6901), so that a caller sees all mistakes at once.
 * Values are jansson's json_t; ownership follows jansson's names (_new owns).
 *
 * Threads: a value belongs to one thread.  Memory: problems are bounded. */
#ifndef PORTS_JSON_H
#define PORTS_JSON_H

#include "ground/buf.h"
#include "ground/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROBLEM_MAX = 16, PROBLEM_POINTER_MAX = 160, PROBLEM_DETAIL_MAX = 200 };

struct problem {
	char pointer[PROBLEM_POINTER_MAX];
	char detail[PROBLEM_DETAIL_MAX];
};

struct problems {
	struct problem list[PROBLEM_MAX];
	size_t n; /* further ones are counted in total, not kept */
	size_t total;
};

/* Adds a problem; detail is printf style and must not quote the caller's value. */
void problems_add(struct problems *p, const char *pointer, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));

/* Parses bytes. ERR_INVALID_JSON with one problem that says where and what, ERR_TOO_LARGE when
 * nested deeper than depth_max, ERR_NOMEM. The value is the caller's (json_decref). */
MUST_CHECK enum err json_read(
	const char *bytes, size_t len, int depth_max, struct problems *p, json_t **ret_value);

/* What a stranger's text may be. Small values take a hundred times their bytes once they are read
 * ({} is 2 bytes, and a table of 224), so memory is bounded for itself. */
struct json_bounds {
	int depth;
	size_t memory; /* json_weight */
};
/* As json_read, and ERR_TOO_LARGE beyond either bound: looked at before anything is allocated. */
MUST_CHECK enum err json_read_within(const char *bytes, size_t len,
	const struct json_bounds *bounds, struct problems *p, json_t **ret_value);
/* The memory that its values take at most, once it is read, beside the characters of its texts: of
 * these there are no more than bytes. */
size_t json_weight(const char *bytes, size_t len);

/* The bytes of one member of the object that bytes hold, exactly as they were sent, so that a
 * number keeps its digits. bytes must have passed json_read. False when the member is not there
 * or its name is spelt with escapes (then json_write its value instead). */
bool json_raw(const char *bytes, size_t len, const char *name, size_t *ret_at, size_t *ret_len);
/* Appends compact text. */
MUST_CHECK enum err json_write(const json_t *value, struct buf *out);

/* One member of an object that a caller may send. A table of these is a schema. */
enum json_need { JSON_OPTIONAL, JSON_REQUIRED };
struct json_field {
	const char *name;
	enum json_type_mask {
		JSON_IS_STRING = 1,
		JSON_IS_INTEGER = 2,
		JSON_IS_NUMBER = 4,
		JSON_IS_BOOL = 8,
		JSON_IS_OBJECT = 16,
		JSON_IS_ARRAY = 32,
		JSON_IS_NULL = 64
	} types;
	enum json_need need;
	int64_t min, max; /* integers: the value; strings: bytes; arrays, objects: members; both 0 =
			     free */
};
/* Checks an object against fields (ends with a NULL name): types, ranges, missing and unknown
 * members. Problems carry base + "/" + name. True when nothing was added. */
bool json_check(const json_t *object, const char *base, const struct json_field *fields,
	struct problems *p);

#endif

/* query.h - what stands behind the question mark: known names, once each, in range.
 *
 * A table says which names a call takes. Everything else is a problem with the
 * pointer `?name`, as for a body's fields.
 *
 * Threads: pure.  Memory: the caller's struct. */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "ports/json.h"

enum { QUERY_MAX = 16, QUERY_VALUE_MAX = 512, QUERY_NAME_MAX = 32 };

struct query_pair {
	char name[QUERY_NAME_MAX];
	char value[QUERY_VALUE_MAX];
};

/* As sent, decoded. */
struct query {
	size_t n;
	bool bad; /* not decodable, too long or too many */
	struct query_pair pairs[QUERY_MAX];
};

enum query_type { QUERY_TEXT, QUERY_INT, QUERY_BOOL, QUERY_TIME };
struct query_field {
	const char *name;
	enum query_type type;
	int64_t min, max; /* INT: the value; TEXT: bytes */
};

/* Adds one raw pair; value may be NULL. */
void query_add(struct query *q, const char *name, const char *value);
/* Checks against fields (ends with a NULL name). True when nothing was added to problems. */
bool query_check(const struct query *q, const struct query_field *fields, struct problems *p);
/* After query_check. NULL / initial when it was not given. */
const char *query_text(const struct query *q, const char *name);
int64_t query_int(const struct query *q, const char *name, int64_t initial);
/* -1 = not given */
int query_bool(const struct query *q, const char *name);
/* unix ms, 0 = not given */
int64_t query_time(const struct query *q, const char *name);

#endif

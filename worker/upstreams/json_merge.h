/* json_merge.h - how the members of a streamed delta grow.
 *
 * Strings are joined, objects merged, arrays merged by their items' "index" (or
 * else lengthened), other values replaced. "role", "type", "id" and "index" name
 * the thing and are only ever said again.
 *
 * A string that grows by a few bytes a chunk is kept apart while it does: written
 * anew for every piece, a long one would hold the worker's loop for minutes. Items
 * of an array are looked for at their index first, for the same reason.
 *
 * Threads: the value's.  Memory: jansson's; the caller's limit on the whole reply bounds it. */
#ifndef UPSTREAMS_JSON_MERGE_H
#define UPSTREAMS_JSON_MERGE_H

#include "ports/json.h"

struct json_merge {
	json_t *string;	 /* the one that grew last, held; NULL = none */
	struct buf text; /* what it is by now */
};

/* No string grows beyond max. */
void json_merge_init(struct json_merge *m, size_t max);
void json_merge_clear(struct json_merge *m);
/* Both leave value as it was. ERR_NOMEM, ERR_TOO_LARGE. What they grew is whole after
 * json_merge_end only. */
MUST_CHECK enum err json_merge_member(
	struct json_merge *m, json_t *into, const char *name, json_t *value);
MUST_CHECK enum err json_merge_object(struct json_merge *m, json_t *into, json_t *from);
MUST_CHECK enum err json_merge_end(struct json_merge *m);
/* Removes "index" from the objects in the arrays of message: it numbered them in the stream and
 * has no place in the finished object. */
void json_merge_drop_indexes(json_t *message);

#endif

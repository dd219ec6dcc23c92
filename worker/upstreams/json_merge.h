/* json_merge.h - how the members of a streamed delta grow.
 *
 * Strings are joined, objects merged, arrays merged by their items' "index" (or
 * else lengthened), other values replaced. "role", "type", "id" and "index" name
 * the thing and are only ever said again.
 *
 * Threads: the value's.  Memory: jansson's; the caller's limit on the whole reply bounds it. */
#ifndef UPSTREAMS_JSON_MERGE_H
#define UPSTREAMS_JSON_MERGE_H

#include "ports/json.h"

/* Both leave value as it was. ERR_NOMEM. */
MUST_CHECK enum err json_merge_member(json_t *into, const char *name, json_t *value);
MUST_CHECK enum err json_merge_object(json_t *into, json_t *from);
/* Removes "index" from the objects in the arrays of message: it numbered them in the stream and
 * has no place in the finished object. */
void json_merge_drop_indexes(json_t *message);

#endif

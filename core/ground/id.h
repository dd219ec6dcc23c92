/* id.h - names of things: UUIDv7 (RFC 9562), shown as TypeIDs.
 *
 * A v7 id sorts by its birth, which keeps indexes dense. Of the twelve bits
 * after the version nibble (rand_a, ours to use) the first three hold a job's
 * retention class, so that the partition of every row of a job is known from
 * its id alone. The time comes from clock_record_ms().
 *
 * On the wire an id is prefix_ + 26 characters of Crockford base 32
 * (TypeID 0.3): job_01h455vb4pex5vsknk084sn02q.
 *
 * Threads: any.  Memory: values. */
#ifndef GROUND_ID_H
#define GROUND_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id {
	uint8_t bytes[16];
};

enum { ID_TEXT_MAX = 40, ID_UUID_MAX = 37, ID_CLASSES = 8 };

/* A new id, later than any of its class that this process made before; but for those that it made
 * before it knew the record's time, which name nothing that is kept by day. klass: 0..7, 0 where
 * it means nothing. */
struct id id_new(unsigned klass);
unsigned id_class(struct id id);
int64_t id_ms(struct id id);
bool id_equal(struct id a, struct id b);
int id_compare(struct id a, struct id b);
bool id_is_zero(struct id id);

/* "job", "att", "whk", "dlv", "cnv", "evt", "wrk", "key", "tnt", "req". */
void id_format(const char *prefix, struct id id, char out[ID_TEXT_MAX]);
/* True when text is prefix_ + a canonical TypeID suffix; anything else is refused. */
bool id_parse(const char *prefix, const char *text, struct id *ret);
/* The plain 8-4-4-4-12 form, for SQL literals, Redis keys and settings. */
void id_uuid(struct id id, char out[ID_UUID_MAX]);
bool id_uuid_parse(const char *text, struct id *ret);

#endif

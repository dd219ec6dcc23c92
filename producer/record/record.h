/* record.h - how requests reach Postgres: many of a kind in one commit.
 *
 * A request never runs a statement itself. It hands in an item that names its
 * operation (a row: name, lane kind, batch size, how to run a batch) and is
 * parked. Lanes, each a thread with a loop and one connection, take whatever
 * items of one operation are waiting, run them as one transaction and tell every
 * item its own outcome. The first of an operation starts at once. While another lane
 * is at work, items wait a moment for more, and few changes do so until company_ms
 * after the last batch began: a commit of four costs Postgres hardly more than one of
 * one. Operations that share no batch wait for nobody.
 *
 *   requests --> inbox per operation --> lane (idle?) --> one transaction --> done
 *
 * Lanes come in five kinds, so that a slow list delays no submit and no poll,
 * bodies of megabytes, which take a second to write, no small submit, and nothing at all
 * what ends, renews or gives a credential or a right: that has a lane of its own.
 *
 * Turns: of an operation that shares no batch, an item says whose it is. Each of those takes
 * one turn after the other, however many of its own wait, and what is nobody's in particular,
 * as operators' calls are, goes before them. More than RECORD_MATES_MAX of the same that wait
 * for one operation (RECORD_READERS_MAX of the reads lanes', which are quick) are refused, and
 * nobody else is.
 *
 * Bounds: pending_max items in all inboxes together, and a record that is away,
 * refuse at once (ERR_UNAVAILABLE, ERR_DB): the caller answers 503. An item waits
 * for its turn at most wait_ms, a moment when the record just went. After a data
 * error a batch runs again in parts (batch.h) until the item that is to blame stands alone.
 *
 * Threads: record_add from any; run, settle and done on a lane's. One mutex guards
 * all inboxes, held to put in and to take out.
 * Memory: items belong to the caller and must live until done. */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "ground/id.h"
#include "ground/ring.h"
#include "ports/db.h"
#include "ports/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record;
struct record_item;
struct record_batch;

enum { RECORD_NOTES_MS = 50, RECORD_MATES_MAX = 256, RECORD_READERS_MAX = 4096 };
enum record_lane {
	RECORD_WRITES,
	RECORD_READS,
	RECORD_SLOW,
	RECORD_SECURITY,
	RECORD_LARGE,
	RECORD_LANES
};

struct record_op {
	const char *name; /* in metrics and logs */
	enum record_lane lane;
	/* Of a batch; an item alone may weigh more. Slow ones of more than 1 are notes that
	 * nobody waits for: they gather for RECORD_NOTES_MS. */
	size_t weight_max;
	/* Starts exactly one store call for the batch; its callback ends in record_batch_end.
	 * Anything but ERR_OK: nothing was started. */
	enum err (*run)(struct db *db, struct record_batch *batch);
	/* After ERR_DB_UNKNOWN: finds out by reading, ends in record_batch_end too. NULL: the
	 * items end with ERR_DB_UNKNOWN. */
	enum err (*settle)(struct db *db, struct record_batch *batch);
};

typedef void record_done_fn(struct record_item *item, enum err e);

/* Embedded in what a request keeps. */
struct record_item {
	struct ring link, mates; /* mates: those of the same behind it (inbox.h) */
	size_t mates_n;
	/* Who takes turns with others of its operation; zero: nobody in particular, who goes first.
	 */
	struct id whose;
	const struct record_op *op;
	record_done_fn *done;
	void *owner;
	size_t weight; /* 0 counts as 1 */
	int64_t since_ms;
	enum err outcome; /* set by run's callback where items differ; ERR_OK at first */
};

struct record_batch {
	struct record *record;
	const struct record_op *op;
	struct record_item **items;
	size_t n;
	void *lane, *work; /* work: the operation's own, freed by it before the end */
};

/* Ends the batch: each item's done is called with e, or with its outcome when e is ERR_OK. Data
 * errors and unknown outcomes are dealt with here. */
void record_batch_end(struct record_batch *batch, enum err e);

struct record_options {
	struct db_options db; /* on_change and owner are set here */
	size_t lanes[RECORD_LANES];
	size_t pending_max; /* items, in all inboxes */
	size_t weight_max;  /* of any batch, whatever its operation allows */
	int64_t wait_ms;
	int64_t company_ms; /* from one batch to the next of few changes; 0 = nobody waits */
	const struct record_op *const *ops; /* all that may be added; ends with NULL */
};

MUST_CHECK enum err record_open(const struct record_options *options, struct record **ret_record);
/* Ends what is under way (items fail), joins the lanes. NULL is fine. */
void record_close(struct record *record);

/*   ERR_OK           done will be called once, from a lane's thread
 *   ERR_DB           the record is away     ERR_UNAVAILABLE  too many wait
 *   ERR_RATE_LIMITED too many of the same wait (turns)
 *                    in all three, done will not be called */
MUST_CHECK enum err record_add(struct record *record, struct record_item *item);

/* Is any lane of this kind connected? */
bool record_is_up(const struct record *record, enum record_lane lane);
size_t record_pending(const struct record *record);

struct record_counts {
	uint64_t batches, items, failed;
	uint64_t us; /* of batches, from start to end */
};
void record_counts_read(const struct record *record, size_t op, struct record_counts *ret);
/* How the lanes of a kind keep others waiting (loop_health_add). Any thread. */
void record_loops_add(const struct record *record, enum record_lane kind, struct loop_health *sum);

#endif

/* queue.h - a queue's settings, and its flow as the leader sees it.
 *
 * Queues belong to the installation, not to a tenant. Settings change rarely and
 * live in queue; numbers that change all the time live in queue_flow, written by
 * the leader only: depths by counting, never by writers keeping counts.
 * A paused queue keeps its jobs: one row flips. A draining queue takes no new
 * ones (submit: queue_full) and works off what it has.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_QUEUE_H
#define STORES_QUEUE_H

#include "ports/db.h"
#include "stores/audit.h"

enum { QUEUE_NAME_MAX = 64 };

struct queue {
	int32_t id;
	const char *name;    /* [a-z0-9][a-z0-9._-]{0,63} */
	int32_t concurrency; /* fleet-wide running jobs; 0 = no cap */
	int64_t max_queued;  /* 0 = no cap */
	int32_t weight;	     /* share of dispatch, 1-1000 */
	double rate;	     /* dispatched a second; 0 = no limit */
	/* 0 = no limit: seconds that the oldest ready job may wait before new ones are refused;
	 * that an attempt and a job may last at most, whatever was asked for */
	int32_t max_age_s, attempt_timeout_s, deadline_s;
	bool paused, draining;
	int64_t version;
	/* from queue_flow: */
	int64_t queued, waiting, running; /* counted at counted_ms */
	int64_t oldest_ms;		  /* when the oldest ready job became so; 0 = none */
	int64_t counted_ms;
	int64_t free_slots; /* fleet-wide, last told by beats */
	int64_t allot;	    /* jobs producers may publish themselves, in all, in allot_epoch */
	int64_t allot_epoch;
	double drain_rate; /* starts a second, measured; 0 = none lately */
};
typedef void queue_done(void *ctx, enum err e, const struct queue *queues, size_t n);

/* All queues (bounded by 1000), settings and flow. Producers read this every 100 ms, so it is also
 * how they learn names, pauses and allotments. */
MUST_CHECK enum err queue_list(struct db *db, queue_done *done, void *ctx);

struct queue_change {
	const char *name; /* created when there is none */
	bool has_concurrency, has_max_queued, has_weight, has_rate, has_paused, has_draining;
	bool has_max_age_s, has_attempt_timeout_s, has_deadline_s;
	int32_t concurrency;
	int64_t max_queued;
	int32_t weight;
	double rate;
	bool paused, draining;
	int32_t max_age_s, attempt_timeout_s, deadline_s;
};
/* Creates or changes; n = 1: the row as it is now. Pause, resume and drain are changes of paused
 * and draining; with create = false a missing name is ERR_NOT_FOUND. ERR_UNAUTHORIZED: by is
 * believed no longer (believed.h). */
MUST_CHECK enum err queue_patch(struct db *db, const struct queue_change *change, bool create,
	const struct audit_actor *by, queue_done *done, void *ctx);

#endif

/* job_spec.h - one job as a caller asks for it: checked whole, ready for the record.
 *
 * The body is read strictly, each member checked against a table, and every
 * mistake told with its JSON pointer. `input` is kept byte for byte as it was
 * sent: its text is cut out of the body (json_raw), never printed again.
 *
 * What rests sealed is gathered with room for that, and sealed where it stands once its
 * key is known (job_values.h).
 *
 * Threads: one owner.  Memory: all sealed values lie in one buffer that the
 * submit's slices point into; job_spec_clear wipes and frees it. */
#ifndef JOBS_JOB_SPEC_H
#define JOBS_JOB_SPEC_H

#include "access/caller.h"
#include "config/config.h"
#include "domain/sealed.h"
#include "domain/trace.h"
#include "jobs/job_cost.h"
#include "ports/json.h"
#include "queues.h"
#include "stores/submit.h"

enum { JOB_SPEC_MODEL_MAX = 512, IDEMPOTENCY_KEY_MAX = 255, JOB_SPEC_VALUES_MAX = 8 };

/* Of a job that does not say. */
enum { JOB_SPEC_PRIORITY = 5 };
#define JOB_SPEC_QUEUE "default"

enum { JOB_TOLD_SUBJECT, JOB_TOLD_METADATA, JOB_TOLD_TRACE, JOB_TOLD };

struct job_spec {
	struct submit submit;
	struct buf sealed;
	/* the values in it, and whether they are sealed by now, by key */
	struct job_value {
		struct db_bytes *to;
		enum sealed_place place;
		size_t at, len;
	} values[JOB_SPEC_VALUES_MAX];
	size_t values_n;
	bool is_sealed;
	struct sealed_key key;
	bool key_is_new; /* the record was asked for it: see submit_seal_committed */
	/* what the reply tells of them, in clear: nothing is opened that was sealed just now */
	struct buf clear;
	size_t told_at[JOB_TOLD];
	struct db_bytes told[JOB_TOLD];
	char model[JOB_SPEC_MODEL_MAX + 1];
	char queue[QUEUE_NAME_MAX + 1];
	enum permission lacks;	   /* after ERR_FORBIDDEN: what was needed */
	struct job_tokens tokens;  /* what a ceiling is asked for */
	char subject[ID_TEXT_MAX]; /* used when the caller named none */
	json_t *body;		   /* while it is read */
};

/* What a check needs to know of its surroundings; all borrowed. */
struct job_scene {
	const struct config *config;
	const struct caller *caller;
	struct queues_view *queues;
	const struct trace *trace;
	struct audit_actor by;
};

/* Fills spec from a body.
 *   ERR_OK            spec is the caller's to clear, as after any error
 *   ERR_INVALID_JSON, ERR_INVALID_FIELD, ERR_UNKNOWN_KIND, ERR_UNKNOWN_QUEUE (p says where)
 *   ERR_FORBIDDEN     to this caller (p says what it needs)
 *   ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err job_spec_read(struct job_spec *spec, const struct job_scene *scene,
	const char *bytes, size_t len, struct problems *p);
/* Binds an Idempotency-Key to it. ERR_BAD_REQUEST: not 1-255 printable ASCII characters. */
MUST_CHECK enum err job_spec_key(struct job_spec *spec, const struct job_scene *scene,
	const char *key, const char *bytes, size_t len);
void job_spec_clear(struct job_spec *spec);

#endif

/* filter.h - which jobs a caller means: from a query or from a body.
 *
 * Both spell the same members with the same words; subject and metadata come in
 * bodies only, because values of persons have no place in a URL. They are matched
 * by the tenant's keyed hash, as they were stored.
 *
 * Threads: pure.  Memory: texts point into the query or the body, which must
 * outlive the filter; hashes lie in the filter itself, so it must not be copied
 * after filter_read. */
#ifndef JOBS_FILTER_H
#define JOBS_FILTER_H

#include "http/request.h"
#include "ports/json.h"
#include "stores/job_list.h"
#include "stores/job_read.h"

enum { FILTER_HASHES_MAX = 17, FILTER_HASH_BYTES = 16, FILTER_LIMIT_MAX = 1000 };

struct filter {
	struct job_filter job; /* as the store takes it */
	uint8_t hashes[FILTER_HASHES_MAX][FILTER_HASH_BYTES];
	size_t members; /* how many filters were given */
	size_t limit;	/* of a page: what was asked, at most producer.list_max */
	struct id after;
	bool dry_run;
};

/* What beside the filters may be asked. */
enum filter_form { FILTER_QUERY, FILTER_SEARCH, FILTER_CHANGE };

/* Fills filter from r's query, or from body (an object) for the two other forms.
 * It is narrowed to what the caller may see.
 *   ERR_INVALID_FIELD, ERR_UNKNOWN_QUEUE, ERR_UNKNOWN_KIND (p says where), ERR_UNAVAILABLE,
 * ERR_FORBIDDEN */
MUST_CHECK enum err filter_read(struct filter *filter, const struct request *r,
	enum filter_form form, const json_t *body, struct problems *p);

#endif

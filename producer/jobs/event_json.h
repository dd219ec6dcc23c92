/* event_json.h - what stands in an event: its type, its number, its data.
 *
 * A delta's data is its text alone, so that an event told live and the same event
 * read later are the same bytes.
 *
 * Threads: pure. */
#ifndef JOBS_EVENT_JSON_H
#define JOBS_EVENT_JSON_H

#include "stores/event.h"

/* Called for each single event of a run, in order. data is one line of JSON. */
typedef void event_json_fn(
	void *owner, int64_t number, const char *type, const char *data, size_t len);
/* Every run of a page. Numbers up to and with after are left out.
 *   ERR_NOMEM
 *   ERR_DB_DATA, ERR_SEALING  a run makes no sense, or its key is gone */
MUST_CHECK enum err event_json_page(const struct event_page *page, struct keyring *ring,
	int64_t after, event_json_fn *fn, void *owner);
/* `{"text":...}` */
void event_json_delta(struct buf *out, const char *text, size_t len);

#endif

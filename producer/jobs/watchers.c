#include "jobs/watchers.h"

static struct watcher **bucket_of(struct watchers *watchers, struct id job)
{
	return &watchers->buckets[(size_t)(job.bytes[14] << 8 | job.bytes[15]) % WATCHERS_BUCKETS];
}

void watchers_init(struct watchers *watchers)
{
	ring_init(&watchers->all);
}

void watchers_add(struct watchers *watchers, struct watcher *w)
{
	struct watcher **at = bucket_of(watchers, w->key.job);

	w->next = *at;
	*at = w;
	w->watching = w->fresh = true;
	ring_join(&watchers->all, &w->link);
}

void watchers_uncount(struct watchers *watchers, const struct watcher *w)
{
	shares_set(&watchers->n, w->key.tenant, 1, 0);
}

void watchers_remove(struct watchers *watchers, struct watcher *w)
{
	struct watcher **at = bucket_of(watchers, w->key.job);

	if (!w->watching)
		return;
	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	ring_leave(&w->link);
	w->watching = false;
	watchers_uncount(watchers, w);
}

/* Those who left the table for this. */
static void tell_all(struct ring *leaving, enum watcher_why why)
{
	while (!ring_empty(leaving)) {
		struct watcher *w = RING_OF(leaving->next, struct watcher, link);

		ring_leave(&w->link);
		w->told(w, why);
	}
}

void watchers_moved(struct watchers *watchers, struct id job, int64_t version)
{
	struct ring leaving;

	ring_init(&leaving);
	for (struct watcher *w = *bucket_of(watchers, job), *next; w; w = next) {
		next = w->next;
		if (!id_equal(w->key.job, job) || (version >= 0 && w->version == version))
			continue;
		watchers_remove(watchers, w);
		ring_join(&leaving, &w->link);
	}
	tell_all(&leaving, WATCHER_MOVED);
}

void watchers_late(struct watchers *watchers, int64_t now_ms)
{
	struct ring leaving;

	ring_init(&leaving);
	for (struct ring *at = watchers->all.next, *next; at != &watchers->all; at = next) {
		struct watcher *w = RING_OF(at, struct watcher, link);

		next = at->next;
		if (w->until_ms > now_ms)
			continue;
		watchers_remove(watchers, w);
		ring_join(&leaving, &w->link);
	}
	tell_all(&leaving, WATCHER_TIME);
}

void watchers_close(struct watchers *watchers)
{
	while (!ring_empty(&watchers->all)) {
		struct watcher *w = RING_OF(watchers->all.next, struct watcher, link);

		watchers_remove(watchers, w);
		w->told(w, WATCHER_CLOSING);
	}
}

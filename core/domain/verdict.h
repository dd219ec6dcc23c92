/* verdict.h - the one gate between what a model wrote and what anybody may read.
 *
 * Only this file can make a struct released, and everything that leaves the
 * worker (live text, events, results) is written from one. Today's moderator
 * lets everything pass, as it comes, and says so under one well-known decision
 * id. Another will hold text back until it has judged it: feed may then release
 * nothing, or more than it was just given.
 *
 * Threads: the loop's.  Memory: a released text belongs to whoever made it. */
#ifndef DOMAIN_VERDICT_H
#define DOMAIN_VERDICT_H

#include "ground/buf.h"
#include "ground/id.h"

struct released;

/* An empty text that will hold at most max bytes. */
MUST_CHECK enum err released_new(size_t max, struct released **ret_released);
void released_free(struct released *released);
/* Forgets the text, keeps the memory and the decision. */
void released_reset(struct released *released);
const char *released_bytes(const struct released *released);
size_t released_len(const struct released *released);
/* Zero until something was judged. */
struct id released_decision(const struct released *released);

/* One attempt's moderation. */
struct verdict;
MUST_CHECK enum err verdict_new(struct verdict **ret_verdict);
void verdict_free(struct verdict *verdict);
/* Text in the order the model wrote it; what may be read by now is appended to into. */
MUST_CHECK enum err verdict_feed(
	struct verdict *verdict, const char *text, size_t len, struct released *into);
/* The last verdict, on the whole reply that becomes the job's result: replaces what into held. */
MUST_CHECK enum err verdict_whole(
	struct verdict *verdict, const char *reply, size_t len, struct released *into);

#endif

/* list_reply.h - the form of every list that the API answers:
 *
 *   {"object":"list","data":[...],"has_more":false,"next":null}
 *
 * next is what the caller gives as after, to read on; null where there is no more.
 *
 * Threads: whose request it is.  Memory: the reply's body, whose error tells. */
#ifndef LIST_REPLY_H
#define LIST_REPLY_H

#include "http/reply.h"

struct list_reply {
	struct buf *out;
	bool any;
};

/* Begins a 200. */
struct list_reply list_reply_begin(struct reply *reply);
/* Where the next element is to be put. */
struct buf *list_reply_element(struct list_reply *list);
/* next NULL or "": null. */
void list_reply_end(struct list_reply *list, bool has_more, const char *next);

#endif

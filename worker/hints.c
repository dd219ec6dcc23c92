#include "hints.h"

#include "ground/log.h"
#include "ports/loop.h"

#include <stdlib.h>
#include <string.h>

void hints_init(struct hints *h, struct loop *loop)
{
	*h = (struct hints){.loop = loop};
	ring_init(&h->list);
}

static struct hint *hint_of(const struct hints *h, struct id batch)
{
	for (struct ring *at = h->list.next; at != &h->list; at = at->next) {
		struct hint *hint = RING_OF(at, struct hint, link);

		if (id_equal(hint->view.batch, batch))
			return hint;
	}
	return NULL;
}

/* ---- a word before its message ---- */

bool hints_hear(struct hints *h, const char *queue, const char *bytes, size_t len, size_t room)
{
	const size_t name = strlen(queue) + 1;
	struct dispatch_message view;
	struct hint *hint;

	if (dispatch_message_read(bytes, len, &view) != ERR_OK || view.n > room ||
		hint_of(h, view.batch))
		return false;
	hint = calloc(1, sizeof(*hint) + len + name);
	if (!hint)
		return false;
	memcpy(hint->early, bytes, len);
	memcpy(hint->early + len, queue, name);
	hint->message.queue = hint->early + len;
	hint->view = view;
	hint->view.keys = (const uint8_t *)hint->early + (view.keys - (const uint8_t *)bytes);
	ring_join(&h->list, &hint->link);
	return true;
}

/* When what it names was claimed by its word it is done with, else it ends as that does. */
static bool was_heard(struct hints *h, struct stream_message *message, struct id batch)
{
	struct hint *hint = hint_of(h, batch);

	if (hint && !hint->message.handle) {
		hint->message = *message;
		return true;
	}
	if (!early_take(&h->early, batch, loop_now_ms(h->loop)))
		return false;
	stream_consumer_done(h->consumer, message);
	return true;
}

/* ---- messages ---- */

/* A new hint, or NULL: there is none in it, or no memory for it. */
static struct hint *hint_new(struct hints *h, struct stream_message *message)
{
	struct dispatch_message view;
	struct hint *hint;

	if (dispatch_message_read(message->bytes, message->len, &view) != ERR_OK) {
		log_warn("a dispatch message makes no sense", LOG_TEXT("queue", message->queue),
			LOG_INT("partition", message->partition));
		stream_consumer_done(h->consumer, message);
		return NULL;
	}
	if (was_heard(h, message, view.batch))
		return NULL;
	hint = calloc(1, sizeof(*hint));
	if (!hint) {
		stream_consumer_drop(h->consumer, message);
		return NULL;
	}
	hint->message = *message;
	hint->view = view;
	ring_join(&h->list, &hint->link);
	return hint;
}

struct hint *hints_next(struct hints *h, stream_wanted_fn *wanted, void *owner)
{
	struct stream_message message;
	struct hint *hint;

	for (struct ring *at = h->list.next; at != &h->list; at = at->next) {
		hint = RING_OF(at, struct hint, link);
		if (hint->at < hint->view.n && wanted(owner, hint->message.queue))
			return hint;
	}
	while (h->consumer && stream_consumer_take(h->consumer, wanted, owner, &message)) {
		hint = hint_new(h, &message);
		if (hint)
			return hint;
	}
	return NULL;
}

void hints_end(struct hints *h, struct hint *hint)
{
	if (hint->message.handle)
		stream_consumer_done(h->consumer, &hint->message);
	else
		early_add(&h->early, hint->view.batch, loop_now_ms(h->loop));
	ring_leave(&hint->link);
	free(hint);
}

void hints_clear(struct hints *h)
{
	while (!ring_empty(&h->list)) {
		struct hint *hint = RING_OF(h->list.next, struct hint, link);

		ring_leave(&hint->link);
		if (hint->message.handle)
			stream_consumer_drop(h->consumer, &hint->message);
		free(hint);
	}
}

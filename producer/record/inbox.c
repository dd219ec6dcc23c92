#include "record/inbox.h"

static size_t item_weight(const struct record_item *item)
{
	return item->weight ? item->weight : 1;
}

static struct record_item *item_at(struct ring *link)
{
	return RING_OF(link, struct record_item, link);
}

void inbox_init(struct inbox *inbox)
{
	ring_init(&inbox->items);
}

void inbox_put(struct inbox *inbox, struct record_item *item)
{
	ring_join(&inbox->items, &item->link);
	inbox->weight += item_weight(item);
}

struct record_item *inbox_oldest(const struct inbox *inbox)
{
	return ring_empty(&inbox->items) ? NULL : item_at(inbox->items.next);
}

struct record_item *inbox_pop(struct inbox *inbox)
{
	struct record_item *item = inbox_oldest(inbox);

	if (item) {
		ring_leave(&item->link);
		inbox->weight -= item_weight(item);
	}
	return item;
}

size_t inbox_fit(const struct inbox *inbox, size_t weight_max)
{
	size_t n = 0, weight = 0;

	for (struct ring *at = inbox->items.next; at != &inbox->items; at = at->next) {
		weight += item_weight(item_at(at));
		if (n > 0 && weight > weight_max)
			break;
		n++;
	}
	return n;
}

void inbox_late(struct inbox *inbox, int64_t since_ms, struct ring *late)
{
	for (struct record_item *item; (item = inbox_oldest(inbox)) && item->since_ms < since_ms;)
		ring_join(late, &inbox_pop(inbox)->link);
}

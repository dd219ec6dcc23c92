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
	ring_init(&inbox->turns);
}

/* ---- turns ---- */

static bool takes_turns(const struct record_item *item)
{
	return !id_is_zero(item->whose) && item->op->weight_max == 1;
}

/* NULL: none of theirs waits. There are as many in the line as tenants that ask right now. */
static struct record_item *first_of(const struct inbox *inbox, struct id whose)
{
	for (struct ring *at = inbox->turns.next; at != &inbox->turns; at = at->next)
		if (id_equal(item_at(at)->whose, whose))
			return item_at(at);
	return NULL;
}

static size_t mates_max(const struct record_item *item)
{
	return item->op->lane == RECORD_READS ? RECORD_READERS_MAX : RECORD_MATES_MAX;
}

static bool turn_put(struct inbox *inbox, struct record_item *item)
{
	struct record_item *first = first_of(inbox, item->whose);

	if (first && first->mates_n >= mates_max(item) - 1)
		return false;
	if (first) {
		ring_join(&first->mates, &item->link);
		first->mates_n++;
	} else {
		ring_init(&item->mates);
		item->mates_n = 0;
		ring_join(&inbox->turns, &item->link);
	}
	return true;
}

/* The next of first's goes to the end of the line, and the others behind it. */
static void turn_hand_on(struct inbox *inbox, struct record_item *first)
{
	struct record_item *next;

	if (ring_empty(&first->mates))
		return;
	next = item_at(first->mates.next);
	ring_join(&inbox->turns, &next->link);
	ring_init(&next->mates);
	ring_join_all(&next->mates, &first->mates);
	next->mates_n = first->mates_n - 1;
}

/* ---- in and out ---- */

bool inbox_put(struct inbox *inbox, struct record_item *item)
{
	if (!takes_turns(item))
		ring_join(&inbox->items, &item->link);
	else if (!turn_put(inbox, item))
		return false;
	inbox->weight += item_weight(item);
	return true;
}

struct record_item *inbox_oldest(const struct inbox *inbox)
{
	const struct ring *line = ring_empty(&inbox->items) ? &inbox->turns : &inbox->items;

	return ring_empty(line) ? NULL : item_at(line->next);
}

static void item_leave(struct inbox *inbox, struct record_item *item)
{
	if (takes_turns(item))
		turn_hand_on(inbox, item);
	ring_leave(&item->link);
	inbox->weight -= item_weight(item);
}

struct record_item *inbox_pop(struct inbox *inbox)
{
	struct record_item *item = inbox_oldest(inbox);

	if (item)
		item_leave(inbox, item);
	return item;
}

size_t inbox_fit(const struct inbox *inbox, size_t weight_max)
{
	size_t n = 0, weight = 0;

	if (ring_empty(&inbox->items))
		return !ring_empty(&inbox->turns);
	for (struct ring *at = inbox->items.next; at != &inbox->items; at = at->next) {
		weight += item_weight(item_at(at));
		if (n > 0 && weight > weight_max)
			break;
		n++;
	}
	return n;
}

/* Whoever has a late one may have more: they come again at the end of the line. */
static void turns_late(struct inbox *inbox, int64_t since_ms, struct ring *late)
{
	struct ring *after;

	for (struct ring *at = inbox->turns.next; at != &inbox->turns; at = after) {
		struct record_item *item = item_at(at);
		const bool is_late = item->since_ms < since_ms;

		if (is_late)
			turn_hand_on(inbox, item);
		after = at->next;
		if (is_late) {
			inbox->weight -= item_weight(item);
			ring_join(late, at);
		}
	}
}

void inbox_late(struct inbox *inbox, int64_t since_ms, struct ring *late)
{
	struct ring *items = &inbox->items;

	while (!ring_empty(items) && item_at(items->next)->since_ms < since_ms)
		ring_join(late, &inbox_pop(inbox)->link);
	turns_late(inbox, since_ms, late);
}

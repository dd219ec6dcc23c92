/* ring.h - a list through the objects themselves, which leave it by themselves.
 *
 * An object holds a link and is in at most one ring; it can leave without
 * knowing which. RING_OF gives the object of a link.
 *
 * Threads: one owner.  Memory: none of its own. */
#ifndef GROUND_RING_H
#define GROUND_RING_H

#include <stdbool.h>
#include <stddef.h>

/* A ring's head, or a member's place in it. A zeroed link is in no ring. */
struct ring {
	struct ring *prev, *next;
};

#define RING_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void ring_init(struct ring *head)
{
	head->prev = head->next = head;
}

static inline bool ring_empty(const struct ring *head)
{
	return head->next == head;
}

/* Harmless for a link that is in no ring. */
static inline void ring_leave(struct ring *link)
{
	if (link->next) {
		link->prev->next = link->next;
		link->next->prev = link->prev;
	}
	link->prev = link->next = NULL;
}

/* Leaves the ring it is in, and becomes the last of this one. */
static inline void ring_join(struct ring *head, struct ring *link)
{
	ring_leave(link);
	link->prev = head->prev;
	link->next = head;
	link->prev->next = link;
	head->prev = link;
}

/* As ring_join, but becomes the first. */
static inline void ring_join_first(struct ring *head, struct ring *link)
{
	ring_join(head->next, link);
}

/* Moves all of from to the end of head's ring. */
static inline void ring_join_all(struct ring *head, struct ring *from)
{
	if (ring_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	ring_init(from);
}

#endif

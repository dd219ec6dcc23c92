/* key_state.h - what the record says of the epochs, beside what this process holds.
 *
 * Threads: pure.  Memory: values. */
#ifndef DOMAIN_KEY_STATE_H
#define DOMAIN_KEY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_state {
	int32_t active; /* 0 = there is none */
	bool holds_active;
	bool other_active; /* what is held under its number is another key */
	int32_t gone;	   /* an epoch that is held and whose file is not here any more; 0 = none */
	size_t missing;	   /* epochs that are neither held nor destroyed; with another mark too */
	size_t left;	   /* destroyed epochs whose files still lie here */
};

static inline bool key_state_equal(const struct key_state *a, const struct key_state *b)
{
	return a->active == b->active && a->holds_active == b->holds_active &&
	       a->other_active == b->other_active && a->gone == b->gone &&
	       a->missing == b->missing && a->left == b->left;
}

#endif

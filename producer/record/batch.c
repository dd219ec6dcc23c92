#include "record/batch.h"

#include <stdlib.h>

struct batch *batch_new(struct inbox *inbox, const struct record_op *op, size_t n)
{
	struct batch *b = n ? calloc(1, sizeof *b + n * sizeof *b->items) : NULL;

	if (!b)
		return NULL;
	for (size_t i = 0; i < n; i++)
		b->items[i] = inbox_pop(inbox);
	b->all = n;
	b->view = (struct record_batch){.op = op, .items = b->items, .n = n};
	return b;
}

/* The view becomes as many of those that have not run as may go together. */
static void part_choose(struct batch *b, size_t n)
{
	b->view.n = halving_most(&b->halving, n);
	b->view.work = NULL;
	b->behind = n - b->view.n;
	b->began_us = 0;
	b->settling = false;
}

bool batch_refused(struct batch *b)
{
	if (halving_refused(&b->halving, b->view.n))
		return false;
	part_choose(b, b->view.n + b->behind);
	return true;
}

bool batch_next(struct batch *b, bool taken)
{
	if (taken)
		halving_taken(&b->halving, b->all);
	b->view.items += b->view.n;
	part_choose(b, b->behind);
	return b->view.n > 0;
}

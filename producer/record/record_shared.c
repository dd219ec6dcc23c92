#include "record/record_shared.h"

size_t record_op_index(const struct record *r, const struct record_op *op)
{
	size_t i = 0;

	while (i < r->ops_n && r->options.ops[i] != op)
		i++;
	return i;
}

void record_item_end(struct record *r, struct record_item *item, enum err e)
{
	r->pending--;
	item->done(item, e ? e : item->outcome);
}

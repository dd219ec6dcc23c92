#include "early.h"

void early_add(struct early *e, struct id batch, int64_t now_ms)
{
	e->list[e->next].batch = batch;
	e->list[e->next].until_ms = now_ms + EARLY_KEPT_MS;
	e->next = (e->next + 1) % EARLY_BATCHES;
}

bool early_take(struct early *e, struct id batch, int64_t now_ms)
{
	for (size_t i = 0; i < EARLY_BATCHES; i++) {
		if (e->list[i].until_ms <= now_ms || !id_equal(e->list[i].batch, batch))
			continue;
		e->list[i].until_ms = 0;
		return true;
	}
	return false;
}

#include "domain/deficit.h"

void deficits_settle(struct deficits *deficits, int32_t queue_id)
{
	size_t kept = 0;

	for (size_t i = 0; queue_id && i < deficits->n; i++)
		if (deficits->list[i].queue_id != queue_id)
			deficits->list[kept++] = deficits->list[i];
	deficits->n = kept;
}

static struct deficit *least_owed(struct deficits *deficits)
{
	struct deficit *least = deficits->list;

	for (size_t i = 1; i < deficits->n; i++)
		if (deficits->list[i].owed < least->owed)
			least = &deficits->list[i];
	return least;
}

void deficits_owe(struct deficits *deficits, const struct deficit *deficit)
{
	struct deficit *least;

	if (deficit->owed <= 0)
		return;
	if (deficits->n < DEFICITS_MAX) {
		deficits->list[deficits->n++] = *deficit;
		return;
	}
	least = least_owed(deficits);
	if (least->owed < deficit->owed)
		*least = *deficit;
}

void deficits_take(
	struct deficits *deficits, int32_t queue_id, const struct deficit *told, size_t n)
{
	deficits_settle(deficits, queue_id);
	for (size_t i = 0; i < n; i++)
		deficits_owe(deficits, &told[i]);
}

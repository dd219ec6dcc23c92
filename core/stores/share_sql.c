#include "stores/share_sql.h"

static bool is_of(const struct deficit *deficit, int32_t queue_id)
{
	return queue_id == 0 || deficit->queue_id == queue_id;
}

void share_deficit_args(struct db_args *a, const struct deficits *deficits, int32_t queue_id)
{
	size_t all = deficits ? deficits->n : 0, n = 0;

	for (size_t i = 0; i < all; i++)
		n += is_of(&deficits->list[i], queue_id);
	db_array(a, DB_INT4, n);
	for (size_t i = 0; i < all; i++)
		if (is_of(&deficits->list[i], queue_id))
			db_item_int4(a, deficits->list[i].queue_id);
	db_array(a, DB_ID, n);
	for (size_t i = 0; i < all; i++)
		if (is_of(&deficits->list[i], queue_id))
			db_item_id(a, deficits->list[i].tenant);
	db_array(a, DB_INT8, n);
	for (size_t i = 0; i < all; i++)
		if (is_of(&deficits->list[i], queue_id))
			db_item_int8(a, deficits->list[i].owed);
}

#include "access/own_key.h"

enum err own_key_ensure(struct keyring *ring, struct db *db, struct subject_key *key,
	subject_key_done *keyed, void *ctx)
{
	enum err e;

	if (sealed_is_off()) {
		keyed(ctx, ERR_OK);
		return ERR_OK;
	}
	e = sealed_key_make(ring, key->tenant, key->key.id, &key->key);
	return e ? e : subject_key_ensure(db, key, 1, keyed, ctx);
}

enum err own_key_close(struct keyring *ring, const struct subject_key *key,
	struct sealed_where where, struct db_bytes bytes, struct buf *out)
{
	struct sealed_box box;
	enum err e;

	sealed_box_open(&box, ring, key->tenant, &key->key);
	e = sealed_close(&box, where, bytes.bytes, bytes.len, out);
	sealed_box_close(&box);
	return e;
}

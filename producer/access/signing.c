#include "access/signing.h"

#include "ground/ed25519.h"

static enum err make(struct signing *s)
{
	uint8_t secret[ED25519_SECRET], public_key[ED25519_PUBLIC];
	struct signing_key key = {.id = id_new(0), .public_key = {public_key, sizeof public_key}};
	struct buf sealed;
	enum err e;

	ed25519_new(secret, public_key);
	buf_init(&sealed, sizeof secret + SEALED_OVERHEAD);
	e = own_key_close(s->ring, &s->own, (struct sealed_where){SEALED_SIGNING_KEY, key.id, 0},
		(struct db_bytes){secret, sizeof secret}, &sealed);
	digest_wipe(secret, sizeof secret);
	key.secret = (struct db_bytes){sealed.bytes, sealed.len};
	if (!e)
		e = s->store(s->db, &key, s->batch);
	buf_clear(&sealed);
	return e;
}

static void keyed(void *ctx, enum err e)
{
	struct signing *s = ctx;

	if (!e)
		e = make(s);
	if (e)
		record_batch_end(s->batch, e);
}

enum err signing_make(struct signing *s, struct db *db, struct record_batch *batch)
{
	s->own = (struct subject_key){AUDIT_SYSTEM_TENANT, {.id = INSTALLATION_KEY_ID}};
	s->db = db;
	s->batch = batch;
	return own_key_ensure(s->ring, db, &s->own, keyed, s);
}

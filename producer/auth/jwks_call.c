#include "auth/jwks_call.h"

#include "access/authority.h"
#include "ground/clock.h"
#include "producer.h"

enum { CACHE_S = 300 };

static bool is_public(const struct trust_key *key, int64_t now_ms)
{
	return !key->ends_ms || key->ends_ms > now_ms;
}

void jwks_call(struct request *r)
{
	struct trust *trust = authority_trust(r->producer->authority);
	int64_t now_ms = clock_record_ms();
	struct buf *out;
	size_t n = 0;

	if (!trust) {
		request_fail(r, ERR_UNAVAILABLE);
		return;
	}
	out = reply_json(&r->reply, 200);
	(void)buf_text(out, "{\"keys\":[");
	for (size_t i = 0; i < trust->keys_n; i++) {
		if (!is_public(&trust->keys[i], now_ms))
			continue;
		if (n++)
			(void)buf_char(out, ',');
		(void)token_key_publish(&trust->keys[i].key, out);
	}
	(void)buf_text(out, "]}");
	reply_header(&r->reply, "Cache-Control", "public, max-age=%d", CACHE_S);
	trust_release(trust);
}

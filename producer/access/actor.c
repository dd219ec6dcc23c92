#include "access/actor.h"

#include "ground/log.h"
#include "ground/secret.h"
#include "http/request.h"
#include "producer.h"

enum { WHY_MAX = 8192 };

enum err actor_key_load(const struct config_audit *audit, struct pseudonym_key *ret_key)
{
	struct secret secret = {NULL, 0};
	struct buf why;
	enum err e;

	if (!*audit->pseudonym_key_file) {
		log_warn(
			"pseudonyms in the audit can be guessed: audit.pseudonym_key_file is empty");
		return ERR_OK;
	}
	buf_init(&why, WHY_MAX);
	e = secret_read(audit->pseudonym_key_file, &why, &secret);
	if (e == ERR_OK)
		e = pseudonym_key_read(secret.bytes, secret.len, ret_key);
	if (e == ERR_CONFIG)
		log_error("audit.pseudonym_key_file cannot be used",
			LOG_TEXT("why", why.len ? why.bytes : "expected 32 bytes in base 64"));
	secret_clear(&secret);
	buf_clear(&why);
	return e;
}

static const char *kind_of(const struct caller *caller)
{
	if (caller->is_operator)
		return AUDIT_OPERATOR;
	if (caller->kind == CALLER_TOKEN)
		return "token";
	return caller->is_user ? "user" : "key";
}

struct audit_actor actor_of(const struct request *r, const struct caller *caller)
{
	const struct pseudonym_key *key = &r->producer->pseudonyms;
	const uint8_t *tenant = caller->facts ? caller->facts->match_key : NULL;
	struct audit_actor by = {
		.kind = kind_of(caller), .request = r->id, .credential = caller->credential};

	/* where from is known of strangers too */
	by.source = pseudonym(key, "address", tenant, r->address, sizeof r->address);
	if (tenant || caller->is_operator)
		by.id = pseudonym(key, "actor", tenant, caller->principal.bytes,
			sizeof caller->principal.bytes);
	return by;
}

struct audit_actor request_actor(const struct request *r)
{
	return actor_of(r, &r->caller);
}

#include "admin/issuers.h"

#include "access/authority.h"
#include "access/own_key.h"
#include "admin/issuer_roles.h"
#include "admin/shut_out_call.h"
#include "domain/sealed.h"
#include "domain/url.h"
#include "identity/jwk.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "producer.h"
#include "request_input.h"
#include "stores/issuer.h"

#include <stdio.h>
#include <string.h>

enum { MAPPED_MAX = 100, ROLES_TEXT_MAX = 32768, ROLES_DEFAULT_CLAIM_MAX = 64 };

#define DEFAULT_ALGS \
	(JWK_ALG(JWS_EDDSA) | JWK_ALG(JWS_ES256) | JWK_ALG(JWS_RS256) | JWK_ALG(JWS_PS256))

#define CONFLICT "somebody has registered this issuer already, or there are as many as there may be"
#define CONFLICT_OWN                                                                                \
	"somebody has registered this issuer already, or this tenant has as many as its own people" \
	" may register: remove one, or ask an operator"
#define CONFLICT_SAME \
	"this tenant has registered this issuer already: remove it to register it anew"
#define CONFLICT_YOURS \
	"your tenant has registered this issuer already: remove it to register it anew"

static const char *text_of(const json_t *body, const char *name)
{
	const char *text = json_string_value(json_object_get(body, name));

	return text ? text : "";
}

/* ---- shown ---- */

static void algs_put(struct buf *out, unsigned algs)
{
	bool first = true;

	(void)buf_text(out, ",\"algorithms\":[");
	for (int i = 0; i < JWS_ALG_COUNT_; i++) {
		if (!(algs & JWK_ALG(i)))
			continue;
		(void)buf_printf(out, "%s\"%s\"", first ? "" : ",", jws_alg_text((enum jws_alg)i));
		first = false;
	}
	(void)buf_char(out, ']');
}

static void issuer_put(struct buf *out, const struct issuer *i)
{
	char id[ID_TEXT_MAX];

	id_format("iss", i->id, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"object\":\"issuer\"", id);
	job_json_text(out, "tenant", i->tenant_name);
	job_json_text(out, "issuer", i->iss);
	job_json_text(out, "audience", i->audience);
	algs_put(out, i->algorithms);
	job_json_text(out, "jwks_url", i->jwks_url);
	job_json_text(out, "kid", i->kid);
	job_json_text(out, "roles_claim", i->roles_claim);
	(void)buf_printf(out, ",\"roles\":%s,", i->roles);
	job_json_time(out, "created_at", i->created_ms);
	(void)buf_char(out, '}');
}

/* ---- register one ---- */

static unsigned algs_read(const json_t *body, struct problems *p)
{
	const json_t *list = json_object_get(body, "algorithms");
	bool secret = *text_of(body, "secret") != '\0';
	unsigned algs = 0;
	enum jws_alg alg;

	for (size_t i = 0; i < json_array_size(list); i++)
		if (jws_alg_parse(json_string_value(json_array_get(list, i)), &alg))
			algs |= JWK_ALG(alg);
		else
			problems_add(p, "/algorithms",
				"must be among EdDSA, ES256, RS256, PS256, HS256");
	if (!json_is_array(list))
		algs = secret ? JWK_ALG(JWS_HS256) : DEFAULT_ALGS;
	if (secret != (algs == JWK_ALG(JWS_HS256)) || (!secret && (algs & JWK_ALG(JWS_HS256))))
		problems_add(p, "/algorithms", "HS256 goes with a secret, and nothing else does");
	return algs;
}

static void keys_check_said(const json_t *body, const struct config *config, struct problems *p)
{
	const char *url = text_of(body, "jwks_url"), *secret = text_of(body, "secret");
	struct url parsed;
	const char *why = *url ? url_parse(url, strlen(url), &parsed) : NULL;

	if (!*url == !*secret)
		problems_add(p, "", "needs jwks_url, or secret and kid");
	if (why)
		problems_add(p, "/jwks_url", "%s", why);
	else if (*url && !parsed.https && !config->identity.allow_http)
		problems_add(p, "/jwks_url", "must be https");
	if (*secret && (strlen(secret) < JWK_SECRET_MIN || !*text_of(body, "kid")))
		problems_add(p, "/secret", "must have 32 bytes or more, and a kid");
}

static void roles_check(const json_t *body, struct problems *p)
{
	json_t *value, *roles = json_object_get(body, "roles");
	const char *name;

	json_object_foreach(roles, name,
		value) if (!json_is_string(value) || !role_name_is_right(json_string_value(value)))
		problems_add(p, "/roles", "must map their names to names of roles here");
}

static void inserted(void *ctx, enum err e, const struct issuer *issuers, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n)
		issuer_put(reply_json(&tenant_call_of(batch)->call.r->reply, 201), issuers);
	record_batch_end(batch, e);
}

static enum err insert(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);
	const char *claim = text_of(t->body, "roles_claim");
	struct problems p = {0};
	struct issuer issuer = {.id = t->key,
		.tenant = t->tenant,
		.iss = text_of(t->body, "issuer"),
		.audience = text_of(t->body, "audience"),
		.algorithms = algs_read(t->body, &p),
		.jwks_url = text_of(t->body, "jwks_url"),
		.kid = text_of(t->body, "kid"),
		.roles_claim = *claim ? claim : "roles"};
	const json_t *map = json_object_get(t->body, "roles");
	struct buf roles;
	enum err e = ERR_OK;

	buf_init(&roles, ROLES_TEXT_MAX);
	if (json_is_object(map))
		e = json_write(map, &roles);
	issuer.roles = roles.len ? roles.bytes : "{}";
	if (t->sealed.len)
		issuer.secret = (struct db_bytes){t->sealed.bytes, t->sealed.len};
	if (!e)
		e = issuer_insert(db, &issuer, id_is_zero(t->of) ? ISSUERS_MAX : ISSUERS_OWN_MAX,
			&t->by, inserted, batch);
	buf_clear(&roles);
	return e;
}

static void insert_keyed(void *ctx, enum err e)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	const char *secret = text_of(t->body, "secret");
	const struct sealed_where where = {SEALED_ISSUER_SECRET, t->key, 0};

	if (!e)
		e = own_key_close(t->call.r->producer->keyring, &t->own, where,
			(struct db_bytes){secret, strlen(secret)}, &t->sealed);
	if (!e)
		e = insert(t->db, batch);
	if (e)
		record_batch_end(batch, e);
}

/* A secret is sealed by the installation's own key: every producer reads those of all tenants. */
static enum err insert_run(struct db *db, struct record_batch *batch)
{
	struct tenant_call *t = tenant_call_of(batch);

	t->key = id_new(0);
	t->db = db;
	if (!*text_of(t->body, "secret"))
		return insert(db, batch);
	t->own = (struct subject_key){AUDIT_SYSTEM_TENANT, {.id = INSTALLATION_KEY_ID}};
	return own_key_ensure(t->call.r->producer->keyring, db, &t->own, insert_keyed, batch);
}

const struct record_op issuer_insert_op = {"issuer_insert", RECORD_SLOW, 1, insert_run, NULL};

static void own_found(void *ctx, enum err e, const struct issuer *issuers, size_t n)
{
	record_batch_end(ctx, e == ERR_NOT_FOUND ? ERR_OK : e ? e : ERR_CONFLICT);
}

static enum err own_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return issuer_find(db, t->tenant, text_of(t->body, "issuer"), own_found, batch);
}

/* Is it this tenant's already? */
const struct record_op issuer_own_op = {"issuer_own", RECORD_SLOW, 1, own_run, NULL};

static void changed(struct record_call *call)
{
	authority_look(call->r->producer->authority);
	request_resume(call->r);
}

/* Whose it is else is told to nobody. */
static void is_new(struct record_call *call)
{
	const struct tenant_call *t = (struct tenant_call *)(void *)call;

	call->then = changed;
	call->conflict = id_is_zero(t->of) ? CONFLICT : CONFLICT_OWN;
	record_call_again(call, &issuer_insert_op);
}

static void roles_checked(struct record_call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;
	struct problems p = {0};

	if (!t->refusal) {
		call->then = is_new;
		call->conflict = id_is_zero(t->of) ? CONFLICT_SAME : CONFLICT_YOURS;
		record_call_again(call, &issuer_own_op);
		return;
	}
	problems_add(&p, "/roles", "%s", t->why);
	if (t->refusal == ERR_FORBIDDEN)
		request_fail_detail(call->r, t->refusal, t->why);
	else
		request_fail_with(call->r, t->refusal, &p);
	request_resume(call->r);
}

static void insert_found(struct record_call *call)
{
	call->then = roles_checked;
	record_call_again(call, &issuer_roles_op);
}

static bool issuer_check(struct request *r, const json_t *body)
{
	const struct config *config = r->producer->config;
	struct problems p = {0};

	(void)algs_read(body, &p);
	keys_check_said(body, config, &p);
	roles_check(body, &p);
	if (strcmp(text_of(body, "issuer"), config->identity.issuer) == 0)
		problems_add(&p, "/issuer", "is the name of our own tokens");
	if (p.total)
		request_fail_with(r, ERR_INVALID_FIELD, &p);
	return p.total == 0;
}

void issuers_post(struct request *r)
{
	/* the first is the operators' alone */
	static const struct json_field fields[] = {{"tenant", JSON_IS_STRING, JSON_REQUIRED, 1, 64},
		{"issuer", JSON_IS_STRING, JSON_REQUIRED, 1, ISSUER_TEXT_MAX},
		{"audience", JSON_IS_STRING, JSON_REQUIRED, 1, ISSUER_TEXT_MAX},
		{"algorithms", JSON_IS_ARRAY, JSON_OPTIONAL, 1, JWS_ALG_COUNT_},
		{"jwks_url", JSON_IS_STRING, JSON_OPTIONAL, 1, ISSUER_URL_MAX},
		{"secret", JSON_IS_STRING, JSON_OPTIONAL, 1, JWK_SECRET_MAX},
		{"kid", JSON_IS_STRING, JSON_OPTIONAL, 1, JWS_KID_MAX},
		{"roles_claim", JSON_IS_STRING, JSON_OPTIONAL, 1, ROLES_DEFAULT_CLAIM_MAX},
		{"roles", JSON_IS_OBJECT, JSON_OPTIONAL, 0, MAPPED_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields + tenant_call_is_own(r), false);

	if (body && issuer_check(r, body))
		tenant_call_begin(r, text_of(body, "tenant"), body, insert_found);
	else
		json_decref(body);
}

/* ---- list ---- */

static void listed(void *ctx, enum err e, const struct issuer *issuers, size_t n)
{
	struct record_batch *batch = ctx;
	struct list_reply list = list_reply_begin(&tenant_call_of(batch)->call.r->reply);

	for (size_t i = 0; !e && i < n; i++)
		issuer_put(list_reply_element(&list), &issuers[i]);
	list_reply_end(&list, false, NULL);
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return id_is_zero(t->tenant) ? issuer_list_all(db, listed, batch)
				     : issuer_list(db, t->tenant, listed, batch);
}

const struct record_op issuer_list_op = {"issuer_list", RECORD_SLOW, 1, list_run, NULL};

/* An operator who names no tenant sees all tenants'. */
void issuers_get(struct request *r)
{
	static const struct tenant_list list = {&issuer_list_op, NULL, 0};

	tenant_call_list(r, &list);
}

/* ---- remove ---- */

static void removed(void *ctx, enum err e, const struct issuer *issuers, size_t n)
{
	record_batch_end(ctx, e);
}

static void got(void *ctx, enum err e, const struct issuer *issuers, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e && n) {
		t->ends = (struct revocation){.kind = REVOCATION_CREDENTIAL,
			.tenant = issuers->tenant,
			.subject = issuers->id};
		issuer_put(&t->text, issuers);
		e = buf_err(&t->text);
	}
	record_batch_end(batch, e);
}

static enum err get_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return issuer_get(db, t->of, t->key, got, batch);
}

static enum err remove_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return issuer_remove(db, t->of, t->key, &t->by, removed, batch);
}

const struct record_op issuer_get_op = {"issuer_get", RECORD_SLOW, 1, get_run, NULL};
const struct record_op issuer_remove_op = {"issuer_remove", RECORD_SECURITY, 1, remove_run, NULL};

static void remove_done(struct record_call *call)
{
	call->r->reply.status = 204;
	changed(call);
}

static void dry_counted(struct record_call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;
	struct buf *out = shut_out_begin(t);

	(void)buf_printf(out, ",\"issuer\":%.*s", (int)t->text.len, t->text.bytes);
	shut_out_end(t, UNKNOWN_USERS);
}

static void dry_got(struct record_call *call)
{
	call->then = dry_counted;
	record_call_again(call, &shut_out_op);
}

void issuers_delete(struct request *r)
{
	struct tenant_call *t = request_input_dry(r) ? tenant_call_new(r, "") : NULL;
	const bool dry = request_input_is_dry(r);

	if (!t || !tenant_call_id(t, "iss", "no issuer"))
		return;
	t->call.then = dry ? dry_got : remove_done;
	record_call_start(&t->call, dry ? &issuer_get_op : &issuer_remove_op);
}

#include "delivery/webhook_request.h"

#include "domain/origin.h"
#include "domain/sealed.h"
#include "domain/webhook_sign.h"
#include "ground/clock.h"
#include "ports/json.h"

#include <stdio.h>
#include <string.h>

enum { BODY_MAX = 64 * 1024, JSON_DEPTH = 8 };

/* A delivery with both of its keys open. */
struct opened {
	const struct delivery *delivery;
	struct sealed_box job, tenant;
};

/* A stored value as JSON; it stays NULL when there is none, it does not open, or it is not JSON.
 * ERR_NOMEM: nobody knows. */
static enum err json_of(const struct sealed_box *box, struct sealed_where where,
	struct db_bytes sealed, json_t **ret_value)
{
	struct problems problems = {0};
	struct sealed_view text;
	enum err err;

	if (!sealed.bytes)
		return ERR_OK;
	err = sealed_open(box, where, sealed.bytes, sealed.len, &text);
	if (err == ERR_OK) {
		err = json_read(text.bytes, text.len, JSON_DEPTH, &problems, ret_value);
		sealed_view_clear(&text);
	}
	return err == ERR_NOMEM ? err : ERR_OK;
}

/* ---- where to ---- */

static bool listed(const json_t *origins, const struct url *url)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(origins, i, entry)
	{
		if (json_is_string(entry) && origin_entry_covers(json_string_value(entry),
						     json_string_length(entry), url))
			return true;
	}
	return false;
}

static enum err origin_write(const struct url *url, struct webhook_request *request)
{
	struct buf origin;
	enum err err;

	buf_init(&origin, WEBHOOK_REQUEST_ORIGIN_MAX - 1);
	err = url_origin(url, &origin);
	if (err == ERR_OK)
		snprintf(request->origin, sizeof request->origin, "%s", origin.bytes);
	buf_clear(&origin);
	return err == ERR_NOMEM ? ERR_NOMEM : err == ERR_OK ? ERR_OK : ERR_RECEIVER_URL;
}

static enum err address_write(const json_t *callback, const json_t *origins, bool allow_http,
	struct webhook_request *request)
{
	const json_t *member = json_object_get(callback, "url");
	const char *text = json_string_value(member);
	size_t len = text ? json_string_length(member) : 0;
	struct url url;

	if (!text || url_parse(text, len, &url) != NULL)
		return ERR_RECEIVER_URL;
	if ((!url.https && !allow_http) || !listed(origins, &url))
		return ERR_RECEIVER_URL;
	if (buf_append(&request->url, text, len) != ERR_OK)
		return ERR_NOMEM;
	return origin_write(&url, request);
}

static enum err address_find(
	const struct opened *o, bool allow_http, struct webhook_request *request)
{
	const struct delivery *d = o->delivery;
	const struct sealed_where job = {SEALED_CALLBACK, d->job, 0};
	const struct sealed_where tenant = {SEALED_ORIGINS, d->tenant, 0};
	json_t *callback = NULL, *origins = NULL;
	enum err err = json_of(&o->job, job, d->callback, &callback);

	if (err == ERR_OK)
		err = json_of(&o->tenant, tenant, d->callback_origins, &origins);
	if (err == ERR_OK && (!callback || !origins))
		err = ERR_RECEIVER_URL;
	if (err == ERR_OK)
		err = address_write(callback, origins, allow_http, request);
	json_decref(callback);
	json_decref(origins);
	return err;
}

/* ---- what ---- */

/* NULL: out of memory. */
static json_t *data_of(const struct opened *o)
{
	const struct delivery *d = o->delivery;
	const struct sealed_where where = {SEALED_METADATA, d->job, 0};
	char id[ID_TEXT_MAX];
	json_t *metadata = NULL;

	if (json_of(&o->job, where, d->metadata, &metadata) != ERR_OK)
		return NULL;
	id_format("job", d->job, id);
	if (!metadata)
		metadata = json_object();
	return json_pack("{s:s, s:s, s:s, s:o}", "id", id, "state", job_state_text(d->state),
		"queue", d->queue, "metadata", metadata);
}

static enum err body_write(const struct opened *o, struct webhook_request *request)
{
	const struct delivery *d = o->delivery;
	char at[CLOCK_TEXT_MAX];
	json_t *body;
	enum err err = ERR_NOMEM;

	clock_format(d->created_ms, at);
	body = json_pack("{s:s, s:s, s:o}", "type", d->event, "timestamp", at, "data", data_of(o));
	if (body)
		err = json_write(body, &request->body);
	json_decref(body);
	return err;
}

/* ---- signed how ---- */

static enum err signature_write(
	const struct opened *o, const struct webhook_sign *message, struct buf *out)
{
	const struct db_bytes sealed = o->delivery->webhook_secret;
	const struct sealed_where where = {SEALED_WEBHOOK_SECRET, o->delivery->tenant, 0};
	struct webhook_secrets secrets;
	struct sealed_view text;
	enum err err = ERR_INTERNAL;

	if (sealed.bytes)
		err = sealed_open(&o->tenant, where, sealed.bytes, sealed.len, &text);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? err : ERR_INTERNAL;
	err = webhook_secrets_read(text.bytes, text.len, &secrets)
		      ? webhook_secrets_sign(&secrets, message, out)
		      : ERR_INTERNAL;
	digest_wipe(&secrets, sizeof secrets);
	sealed_view_clear(&text);
	return err == ERR_INVALID_FIELD ? ERR_INTERNAL : err;
}

static void headers_write(struct webhook_request *request, const struct webhook_sign *message,
	const struct buf *signature)
{
	size_t n = 0;

	snprintf(request->headers[n++], WEBHOOK_REQUEST_HEADER_MAX,
		"Content-Type: application/json");
	snprintf(request->headers[n++], WEBHOOK_REQUEST_HEADER_MAX,
		"User-Agent: longhaul-webhooks/1");
	snprintf(request->headers[n++], WEBHOOK_REQUEST_HEADER_MAX, "webhook-id: %s", message->id);
	snprintf(request->headers[n++], WEBHOOK_REQUEST_HEADER_MAX, "webhook-timestamp: %lld",
		(long long)message->timestamp_s);
	snprintf(request->headers[n++], WEBHOOK_REQUEST_HEADER_MAX, "webhook-signature: %s",
		signature->bytes);
	for (size_t i = 0; i < n; i++)
		request->list[i] = request->headers[i];
	request->list[n] = NULL;
}

static enum err sign(const struct opened *o, int64_t now_ms, struct webhook_request *request)
{
	char id[ID_TEXT_MAX];
	struct webhook_sign message = {
		.id = id,
		.timestamp_s = now_ms / 1000,
		.body = request->body.bytes,
		.body_len = request->body.len,
	};
	struct buf signature;
	enum err err;

	id_format("evt", o->delivery->id, id);
	buf_init(&signature, WEBHOOK_REQUEST_HEADER_MAX - 32);
	err = signature_write(o, &message, &signature);
	if (err == ERR_OK)
		headers_write(request, &message, &signature);
	buf_clear(&signature);
	return err;
}

static bool is_sealed(struct db_bytes value)
{
	return value.len > 0 && *(const char *)value.bytes != SEALED_CLEAR;
}

static bool awaits_key(
	struct db_bytes value, const struct sealed_key *key, const struct sealed_box *box)
{
	return is_sealed(value) && sealed_key_there(key) && !box->there;
}

/* A key that is not here may come: the delivery is not given up for it. One that was destroyed does
 * not, and what it sealed makes no sense any more. */
static bool lacks_key(const struct opened *o)
{
	const struct delivery *d = o->delivery;

	return awaits_key(d->callback, &d->key, &o->job) ||
	       awaits_key(d->webhook_secret, &d->tenant_key, &o->tenant);
}

static enum err request_write(
	const struct opened *o, const struct webhook_scene *scene, struct webhook_request *request)
{
	enum err err = lacks_key(o) ? ERR_SEALING : ERR_OK;

	if (err == ERR_OK)
		err = address_find(o, scene->allow_http, request);
	if (err == ERR_OK)
		err = body_write(o, request);
	return err == ERR_OK ? sign(o, scene->now_ms, request) : err;
}

enum err webhook_request_write(const struct delivery *delivery, const struct webhook_scene *scene,
	struct webhook_request *ret_request)
{
	struct opened opened = {.delivery = delivery};
	enum err err;

	buf_init(&ret_request->url, URL_MAX + 1);
	buf_init(&ret_request->body, BODY_MAX);
	sealed_box_open(&opened.job, scene->ring, delivery->tenant, &delivery->key);
	sealed_box_open(&opened.tenant, scene->ring, delivery->tenant, &delivery->tenant_key);
	err = request_write(&opened, scene, ret_request);
	sealed_box_close(&opened.job);
	sealed_box_close(&opened.tenant);
	if (err != ERR_OK)
		webhook_request_clear(ret_request);
	return err;
}

void webhook_request_clear(struct webhook_request *request)
{
	buf_clear(&request->url);
	buf_clear(&request->body);
}

#include "auth/oauth.h"

#include "access/authority.h"
#include "ground/digest.h"
#include "producer.h"

#include <string.h>

#define ROW(name, text, status) {text, status},
static const struct {
	const char *text;
	int status;
} errors[] = {OAUTH_ERRORS(ROW)};
#undef ROW

void oauth_fail(struct request *r, enum oauth_error error, const char *why)
{
	struct buf *out = reply_json(&r->reply, errors[error].status);

	(void)buf_printf(out, "{\"error\":\"%s\",\"error_description\":", errors[error].text);
	(void)buf_json(out, why, strlen(why));
	(void)buf_char(out, '}');
	r->reply.headers_n = 0;
	if (errors[error].status == 401)
		reply_header(&r->reply, "WWW-Authenticate", "Basic realm=\"longhaul\"");
	if (errors[error].status == 503)
		reply_header(&r->reply, "Retry-After", "1");
}

struct buf *oauth_reply(struct request *r)
{
	return reply_json(&r->reply, 200);
}

bool oauth_is_form(const struct request *r)
{
	static const char type[] = "application/x-www-form-urlencoded";

	return r->content_type && strncasecmp(r->content_type, type, sizeof type - 1) == 0;
}

/* ---- who it is ---- */

static bool text_take(char out[OAUTH_SECRET_MAX], const char *text, size_t len)
{
	if (len == 0 || len >= OAUTH_SECRET_MAX)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

/* RFC 6749, 2.3.1: both are form-encoded before they go into Basic. Ours hold nothing that the
 * encoding would change. */
static bool basic_read(const char *text, struct oauth_client *client)
{
	char plain[2 * OAUTH_SECRET_MAX];
	const char *colon;
	size_t len = 0;
	bool good;

	good = digest_base64_decode(DIGEST_BASE64, text, strlen(text), plain, sizeof plain, &len);
	colon = good ? memchr(plain, ':', len) : NULL;
	good = colon && text_take(client->id, plain, (size_t)(colon - plain)) &&
	       text_take(client->secret, colon + 1, len - (size_t)(colon + 1 - plain));
	digest_wipe(plain, sizeof plain);
	return good;
}

static bool head_read(const char *authorization, struct oauth_client *client)
{
	if (strncasecmp(authorization, "Basic ", 6) == 0)
		return basic_read(authorization + 6, client);
	if (strncasecmp(authorization, "Bearer ", 7) == 0)
		return text_take(client->secret, authorization + 7, strlen(authorization + 7));
	return false;
}

bool oauth_client_read(
	const struct request *r, const struct form *form, struct oauth_client *client)
{
	const char *id = form_text(form, "client_id"), *secret = form_text(form, "client_secret");

	memset(client, 0, sizeof *client);
	if (r->authorization && secret)
		return false;
	if (r->authorization && !head_read(r->authorization, client))
		return false;
	if (id && !client->id[0] && !text_take(client->id, id, strlen(id)))
		return false;
	if (secret && !text_take(client->secret, secret, strlen(secret)))
		return false;
	return client->secret[0] != '\0';
}

bool oauth_client_stands(struct request *r, const struct oauth_client *client)
{
	char id[ID_TEXT_MAX];
	enum err e = r->access_err;

	id_format("key", r->caller.credential, id);
	if (!e && !id_is_zero(r->caller.principal))
		e = authority_judge(r->producer->authority, &r->caller, AUTHORITY_CHANGE_MS);
	else if (!e)
		e = ERR_UNAUTHORIZED;
	if (!e && (r->caller.is_operator || (client->id[0] && strcmp(client->id, id) != 0)))
		e = ERR_UNAUTHORIZED;
	if (e == ERR_UNAUTHORIZED)
		oauth_fail(r, OAUTH_INVALID_CLIENT, "no such client, or another secret");
	else if (e)
		oauth_fail(r, OAUTH_UNAVAILABLE, "clients cannot be checked right now");
	return !e;
}

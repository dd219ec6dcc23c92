#include "upstreams/upstream.h"

#include "domain/upstream_dialect.h"
#include "ground/digest.h"
#include "ground/log.h"
#include "ground/secret.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 1024 };

static void key_free(char *key)
{
	if (key)
		digest_wipe(key, strlen(key));
	free(key);
}

static void list_free(struct upstream *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		key_free(list[i].key_header);
	free(list);
}

static enum err key_read(const struct config_upstream *row, char **ret_header)
{
	const struct upstream_dialect *dialect = upstream_dialect_find(row->dialect);
	struct secret key;
	struct buf why;
	char *header = NULL;
	enum err e;

	if (!row->api_key_file[0]) {
		*ret_header = NULL;
		return ERR_OK;
	}
	buf_init(&why, WHY_MAX);
	e = secret_read(row->api_key_file, &why, &key);
	if (e) {
		log_error("an upstream's key cannot be read", LOG_TEXT("upstream", row->name),
			LOG_TEXT("why", why.bytes ? why.bytes : ""), LOG_ERR(e));
		buf_clear(&why);
		return ERR_CONFIG;
	}
	buf_clear(&why);
	if (asprintf(&header, "%s%s", dialect->key_header, key.bytes) < 0)
		e = ERR_NOMEM;
	secret_clear(&key);
	if (!e)
		*ret_header = header;
	return e;
}

static enum err list_new(const struct config *config, struct upstream **ret_list)
{
	struct upstream *list = calloc(config->upstreams_n + 1, sizeof(*list));

	if (!list)
		return ERR_NOMEM;
	for (size_t i = 0; i < config->upstreams_n; i++) {
		enum err e = key_read(&config->upstreams[i], &list[i].key_header);

		if (e) {
			list_free(list, i);
			return e;
		}
		list[i].config = &config->upstreams[i];
	}
	*ret_list = list;
	return ERR_OK;
}

enum err upstreams_new(struct config *config, struct upstreams **ret_upstreams)
{
	struct upstreams *u = calloc(1, sizeof(*u));
	enum err e;

	if (!u)
		return ERR_NOMEM;
	e = list_new(config, &u->list);
	if (e) {
		free(u);
		return e;
	}
	u->n = config->upstreams_n;
	u->config = config_hold(config);
	*ret_upstreams = u;
	return ERR_OK;
}

void upstreams_free(struct upstreams *u)
{
	if (!u)
		return;
	list_free(u->list, u->n);
	config_release(u->config);
	free(u);
}

enum err upstreams_reload(struct upstreams *u, struct config *config)
{
	struct upstream *list;
	enum err e;

	if (config->upstreams_n != u->n)
		return ERR_CONFIG;
	e = list_new(config, &list);
	if (e)
		return e;
	for (size_t i = 0; i < u->n; i++) {
		char *old = u->list[i].key_header;

		u->list[i].config = list[i].config;
		u->list[i].key_header = list[i].key_header;
		list[i].key_header = old;
	}
	list_free(list, u->n);
	config_release(u->config);
	u->config = config_hold(config);
	return ERR_OK;
}

static bool serves(const struct config_upstream *row, const char *model)
{
	for (size_t i = 0; i < row->models.n; i++)
		if (fnmatch(row->models.items[i], model, 0) == 0)
			return true;
	return false;
}

struct upstream *upstreams_find(struct upstreams *u, const char *model)
{
	for (size_t i = 0; i < u->n; i++)
		if (serves(u->list[i].config, model ? model : ""))
			return &u->list[i];
	return NULL;
}

static bool is_true(struct json_text value)
{
	return value.len == 4 && memcmp(value.at, "true", 4) == 0;
}

enum err upstream_body(const struct upstream *up, const struct reply_kind *kind,
	struct json_text input, struct buf *out)
{
	struct json_text stream, options;
	const bool said = json_text_member(input, "stream", &stream);
	const bool add_stream = !said && kind->event && up->config->stream;
	const bool add_usage = kind->usage_asked && (add_stream || (said && is_true(stream))) &&
			       !json_text_member(input, "stream_options", &options);
	struct buf streamed;
	enum err e;

	if (!add_stream && !add_usage)
		return buf_append(out, input.at, input.len);
	if (!add_usage)
		return json_text_set(input, "stream", "true", out);
	if (!add_stream)
		return json_text_set(input, "stream_options", "{\"include_usage\":true}", out);
	buf_init(&streamed, out->max);
	e = json_text_set(input, "stream", "true", &streamed);
	if (!e)
		e = json_text_set((struct json_text){streamed.bytes, streamed.len},
			"stream_options", "{\"include_usage\":true}", out);
	buf_clear(&streamed);
	return e;
}

void upstream_headers(const struct upstream *up, const char *ret_headers[UPSTREAM_HEADERS])
{
	const struct upstream_dialect *dialect = upstream_dialect_find(up->config->dialect);
	size_t n = 0;

	if (up->key_header)
		ret_headers[n++] = up->key_header;
	if (dialect->version)
		ret_headers[n++] = dialect->version;
	ret_headers[n] = NULL;
}

enum err upstream_url(const struct upstream *up, const char *path, struct buf *out)
{
	size_t len = strlen(up->config->base_url);

	while (len && up->config->base_url[len - 1] == '/')
		len--;
	buf_append(out, up->config->base_url, len);
	return buf_text(out, path);
}

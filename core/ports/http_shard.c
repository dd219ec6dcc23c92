#include "ports/http_shard.h"

#include <stdlib.h>

struct watch {
	struct http_shard *shard;
	curl_socket_t fd;
	struct loop_io *io;
};

static void shard_settle(struct http_shard *shard)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(shard->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			shard->on_end(message->easy_handle, message->data.result);
	shard->on_settle(shard);
}

static void shard_act(struct http_shard *shard, curl_socket_t fd, int what)
{
	int running;

	shard->busy = true;
	curl_multi_socket_action(shard->multi, fd, what, &running);
	shard->busy = false;
	shard_settle(shard);
}

static void on_shard_timer(void *owner)
{
	shard_act(owner, CURL_SOCKET_TIMEOUT, 0);
}

static void on_watch(void *owner, int events)
{
	const struct watch *watch = owner;

	shard_act(watch->shard, watch->fd,
		(events & LOOP_READ ? CURL_CSELECT_IN : 0) |
			(events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static struct watch *watch_new(struct http_shard *shard, curl_socket_t fd)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->shard = shard;
	watch->fd = fd;
	if (loop_io_new(shard->loop, fd, on_watch, watch, &watch->io) != ERR_OK) {
		free(watch);
		return NULL;
	}
	curl_multi_assign(shard->multi, fd, watch);
	return watch;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct watch *watch = socket_ctx;

	if (what == CURL_POLL_REMOVE) {
		if (watch)
			loop_io_free(watch->io);
		free(watch);
		curl_multi_assign(((struct http_shard *)ctx)->multi, fd, NULL);
		return 0;
	}
	if (!watch)
		watch = watch_new(ctx, fd);
	if (!watch)
		return -1; /* libcurl then fails every transfer of the multi: they are retried */
	loop_io_want(watch->io,
		(what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
	return 0;
}

static int on_multi_timer(CURLM *multi, long after_ms, void *ctx)
{
	struct http_shard *shard = ctx;

	if (after_ms < 0)
		loop_timer_stop(shard->timer);
	else
		loop_timer_start(shard->timer, after_ms);
	return 0;
}

static const struct {
	CURLcode code;
	enum err err;
} outcomes[] = {
	{CURLE_COULDNT_RESOLVE_HOST, ERR_UP_DNS},
	{CURLE_COULDNT_CONNECT, ERR_UP_CONNECT},
	{CURLE_SSL_CONNECT_ERROR, ERR_UP_TLS},
	{CURLE_PEER_FAILED_VERIFICATION, ERR_UP_TLS},
	{CURLE_SSL_CACERT_BADFILE, ERR_UP_TLS},
	{CURLE_SSL_CIPHER, ERR_UP_TLS},
	{CURLE_SSL_CERTPROBLEM, ERR_UP_TLS},
	{CURLE_OUT_OF_MEMORY, ERR_NOMEM},
	{CURLE_URL_MALFORMAT, ERR_INVALID_FIELD},
	{CURLE_UNSUPPORTED_PROTOCOL, ERR_INVALID_FIELD},
	{CURLE_LOGIN_DENIED, ERR_INVALID_FIELD},
	{CURLE_WEIRD_SERVER_REPLY, ERR_UP_MALFORMED},
	{CURLE_BAD_CONTENT_ENCODING, ERR_UP_MALFORMED},
};

enum err http_shard_err(CURLcode code)
{
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		if (outcomes[i].code == code)
			return outcomes[i].err;
	return ERR_OK;
}

enum err http_shard_new(struct loop *loop, struct http_shard **ret_shard)
{
	struct http_shard *shard = calloc(1, sizeof(*shard));

	if (!shard)
		return ERR_NOMEM;
	shard->loop = loop;
	ring_init(&shard->doomed);
	shard->multi = curl_multi_init();
	if (!shard->multi || loop_timer_new(loop, on_shard_timer, shard, &shard->timer) != ERR_OK) {
		http_shard_free(shard);
		return ERR_NOMEM;
	}
	curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
	curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, on_multi_timer);
	curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
	curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_SHARD_CALLS);
	*ret_shard = shard;
	return ERR_OK;
}

void http_shard_free(struct http_shard *shard)
{
	if (!shard)
		return;
	if (shard->multi)
		curl_multi_cleanup(shard->multi);
	loop_timer_free(shard->timer);
	free(shard);
}

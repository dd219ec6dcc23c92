#include "ports/http_shard.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WATCHES_FIRST = 256 };

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

/* ---- sockets ---- */

static void on_watch(void *owner, int events)
{
	struct http_watch *watch = owner;

	if (!watch->shard) {
		/* Something came on a kept connection: libcurl looks before it uses it again. */
		watch->wanted = 0;
		loop_io_want(watch->io, 0);
		return;
	}
	shard_act(watch->shard, watch->fd,
		(events & LOOP_READ ? CURL_CSELECT_IN : 0) |
			(events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static bool watches_room(struct http_watches *w, curl_socket_t fd)
{
	size_t n = w->n ? w->n : WATCHES_FIRST;
	struct http_watch **by_fd;

	while (n <= (size_t)fd)
		n *= 2;
	if (n == w->n)
		return true;
	by_fd = realloc(w->by_fd, n * sizeof(*by_fd));
	if (!by_fd)
		return false;
	memset(by_fd + w->n, 0, (n - w->n) * sizeof(*by_fd));
	w->by_fd = by_fd;
	w->n = n;
	return true;
}

static struct http_watch *watch_of(struct http_shard *shard, curl_socket_t fd)
{
	struct http_watches *w = shard->watches;
	struct http_watch *watch;

	if (!watches_room(w, fd))
		return NULL;
	if (w->by_fd[fd])
		return w->by_fd[fd];
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return NULL;
	watch->fd = fd;
	if (loop_io_new(shard->loop, fd, on_watch, watch, &watch->io) != ERR_OK) {
		free(watch);
		return NULL;
	}
	w->by_fd[fd] = watch;
	return watch;
}

static void watch_free(struct http_watches *w, curl_socket_t fd)
{
	struct http_watch *watch = (size_t)fd < w->n ? w->by_fd[fd] : NULL;

	if (!watch)
		return;
	w->by_fd[fd] = NULL;
	loop_io_free(watch->io);
	free(watch);
}

void http_watches_opened(struct http_watches *w, curl_socket_t fd)
{
	if (watches_room(w, fd) && (size_t)fd < sizeof(w->ours) * 8)
		w->ours[fd / 8] |= (uint8_t)(1U << (fd % 8));
}

int http_watches_close(void *watches, curl_socket_t fd)
{
	struct http_watches *w = watches;

	watch_free(w, fd);
	if ((size_t)fd < sizeof(w->ours) * 8)
		w->ours[fd / 8] &= (uint8_t) ~(1U << (fd % 8));
	return close(fd);
}

void http_watches_clear(struct http_watches *w)
{
	for (size_t fd = 0; fd < w->n; fd++)
		watch_free(w, (curl_socket_t)fd);
	free(w->by_fd);
	w->by_fd = NULL;
	w->n = 0;
}

static bool is_ours(const struct http_watches *w, curl_socket_t fd)
{
	return (size_t)fd < sizeof(w->ours) * 8 && w->ours[fd / 8] & 1U << (fd % 8);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct http_shard *shard = ctx;
	const int wanted =
		(what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
	struct http_watch *watch;

	if (what == CURL_POLL_REMOVE && !is_ours(shard->watches, fd)) {
		watch_free(shard->watches, fd); /* the resolver's: closed without a word */
		return 0;
	}
	watch = watch_of(shard, fd);
	if (!watch)
		return -1; /* libcurl then fails every transfer of the multi: they are retried */
	/* A kept connection stays watched as it was: mostly it is used again at once. */
	watch->shard = what == CURL_POLL_REMOVE ? NULL : shard;
	if (what == CURL_POLL_REMOVE || watch->wanted == wanted)
		return 0;
	watch->wanted = wanted;
	loop_io_want(watch->io, wanted);
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

enum err http_shard_new(
	struct loop *loop, struct http_watches *watches, struct http_shard **ret_shard)
{
	struct http_shard *shard = calloc(1, sizeof(*shard));

	if (!shard)
		return ERR_NOMEM;
	shard->loop = loop;
	shard->watches = watches;
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

struct curl_slist *http_headers(const char *const *headers)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; list && headers && headers[i]; i++) {
		struct curl_slist *longer = curl_slist_append(list, headers[i]);

		if (!longer)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

void http_headers_free(CURL *easy, struct curl_slist **headers)
{
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(*headers);
	*headers = NULL;
}

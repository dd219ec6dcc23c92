#include "ports/exporter.h"

#include "domain/metric.h"
#include "ports/listener.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BACKLOG = 64,
	SILENCE_S = 10,
	CONNECTION_BYTES = 16 << 10,
	PAGE_MAX = 16 << 20,
	RUNS_MAX = 8 /* of the library in one turn of the loop */
};

struct exporter {
	struct MHD_Daemon *daemon;
	struct loop_io *io;
	struct loop_timer *timer; /* the library's own deadlines */
	exporter_fn *fn;
	void *owner;
	int port;
};

/* ---- pages ---- */

static enum MHD_Result reply(
	struct MHD_Connection *connection, unsigned status, const char *type, struct buf *page)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	char *bytes = NULL;
	size_t len = 0;

	if (buf_err(page) || buf_take(page, &bytes, &len) != ERR_OK)
		return MHD_NO;
	response = MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(bytes);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static void put_metrics(const struct exporter *x, struct buf *page)
{
	x->fn(x->owner, page);
}

static void put_health(const struct exporter *x, struct buf *page)
{
	(void)buf_text(page, "ok\n");
}

static const struct {
	const char *path, *type;
	void (*put)(const struct exporter *x, struct buf *page);
} pages[] = {
	{"/metrics", METRIC_TYPE, put_metrics},
	{"/healthz", "text/plain", put_health},
};
enum { PAGES = sizeof(pages) / sizeof(pages[0]) };

static enum MHD_Result answer(
	const struct exporter *x, struct MHD_Connection *connection, const char *url)
{
	enum MHD_Result result;
	struct buf page;
	size_t i = 0;

	buf_init(&page, PAGE_MAX);
	while (i < PAGES && strcmp(pages[i].path, url) != 0)
		i++;
	if (i < PAGES) {
		pages[i].put(x, &page);
		result = reply(connection, MHD_HTTP_OK, pages[i].type, &page);
	} else {
		(void)buf_text(&page, "there is /metrics and /healthz\n");
		result = reply(connection, MHD_HTTP_NOT_FOUND, "text/plain", &page);
	}
	buf_clear(&page);
	return result;
}

/* The library calls when the head is there, with each piece of a body, and at its end.
 * Eight parameters are its choice. NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *body, size_t *body_len, void **state)
{
	static char seen;

	if (strcmp(method, "GET") != 0)
		return MHD_NO;
	if (!*state || *body_len) {
		*state = &seen;
		*body_len = 0;
		return MHD_YES;
	}
	return answer(owner, connection, url);
}

/* ---- the library on the loop ---- */

/* It may have more to do at once than its descriptor tells; a few rounds, then others' turn. */
static void run(void *owner)
{
	struct exporter *x = owner;
	MHD_UNSIGNED_LONG_LONG left_ms = 0;
	enum MHD_Result some = MHD_YES;

	for (int i = 0; i < RUNS_MAX && some == MHD_YES && left_ms == 0; i++) {
		(void)MHD_run(x->daemon);
		some = MHD_get_timeout(x->daemon, &left_ms);
	}
	if (some == MHD_YES)
		loop_timer_start(x->timer, (int64_t)left_ms + (left_ms == 0));
}

static void on_io(void *owner, int events)
{
	run(owner);
}

static enum err daemon_start(struct exporter *x, struct loop *loop, int fd)
{
	const union MHD_DaemonInfo *info;
	enum err e;

	x->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, x,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)EXPORTER_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!x->daemon) {
		(void)close(fd);
		return ERR_SYSTEM;
	}
	info = MHD_get_daemon_info(x->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	e = info ? loop_timer_new(loop, run, x, &x->timer) : ERR_SYSTEM;
	if (!e)
		e = loop_io_new(loop, info->epoll_fd, on_io, x, &x->io);
	if (!e)
		loop_io_want(x->io, LOOP_READ);
	return e;
}

enum err exporter_open(struct loop *loop, const char *listen, exporter_fn *fn, void *owner,
	struct buf *why, struct exporter **ret_exporter)
{
	struct exporter *x = NULL;
	enum err e = ERR_OK;
	int fd;

	if (!listen[0])
		goto out;
	e = listener_open(listen, BACKLOG, why, &fd);
	if (e)
		goto out;
	x = calloc(1, sizeof(*x));
	if (!x) {
		(void)close(fd);
		e = ERR_NOMEM;
		goto out;
	}
	x->fn = fn;
	x->owner = owner;
	x->port = listener_port(fd);
	e = daemon_start(x, loop, fd);
	if (e) {
		exporter_close(x);
		x = NULL;
	}
out:
	if (!e)
		*ret_exporter = x;
	return e;
}

int exporter_port(const struct exporter *exporter)
{
	return exporter->port;
}

void exporter_close(struct exporter *exporter)
{
	if (!exporter)
		return;
	loop_io_free(exporter->io);
	loop_timer_free(exporter->timer);
	if (exporter->daemon)
		MHD_stop_daemon(exporter->daemon);
	free(exporter);
}

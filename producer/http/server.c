#include "http/server.h"

#include "http/exchange.h"
#include "http/refusal.h"
#include "http/server_state.h"
#include "ports/listener.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

/* ---- the library's notices ---- */

static void connection_notice(void *cls, struct MHD_Connection *connection, void **ret_own,
	enum MHD_ConnectionNotificationCode code)
{
	struct server *s = cls;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*ret_own = info ? connections_join(s->connections, connection, info->connect_fd)
				: NULL;
	} else {
		connections_leave(s->connections, *ret_own);
		*ret_own = NULL;
	}
}

/* Paths and queries are decoded by us, segment by segment: see route.h. */
static size_t leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
	return strlen(text);
}

static struct MHD_Daemon *daemon_start(struct server *s)
{
	const struct server_options *o = &s->options;

	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
					MHD_USE_TURBO | MHD_USE_ERROR_LOG,
		0, NULL, NULL, exchange_turn, s, MHD_OPTION_EXTERNAL_LOGGER, refusal_told,
		s->connections, MHD_OPTION_LISTEN_SOCKET, s->fd, MHD_OPTION_THREAD_POOL_SIZE,
		o->threads > 1 ? o->threads : 0u, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)o->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)o->connections_per_ip, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		o->connection_bytes, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)(o->idle_ms / 1000 + 1), MHD_OPTION_STRICT_FOR_CLIENT, 0,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, s, MHD_OPTION_NOTIFY_COMPLETED,
		exchange_over, s, MHD_OPTION_NOTIFY_CONNECTION, connection_notice, s,
		MHD_OPTION_END);
}

enum err server_open(
	const struct server_options *options, struct buf *why, struct server **ret_server)
{
	struct server *s = calloc(1, sizeof *s);
	const struct connections_options deadlines = {.max = options->connections_max,
		.header_ms = options->header_ms,
		.body_ms = options->body_ms,
		.reply_ms = options->reply_ms,
		.idle_ms = options->idle_ms};
	enum err e = s ? ERR_OK : ERR_NOMEM;

	if (e)
		goto out;
	s->options = *options;
	e = listener_open(options->listen, BACKLOG, why, &s->fd);
	if (e)
		goto out;
	s->port = listener_port(s->fd);
	e = connections_new(&deadlines, &s->connections);
	if (e)
		goto out;
	s->daemon = daemon_start(s);
	if (!s->daemon) {
		(void)buf_printf(why, "the HTTP server for %s did not start", options->listen);
		e = ERR_SYSTEM;
		goto out;
	}
	*ret_server = s;
	s = NULL;
out:
	server_close(s);
	return e;
}

int server_port(const struct server *s)
{
	return s->port;
}

void server_quiesce(struct server *s)
{
	if (!s->quiet)
		s->fd = (int)MHD_quiesce_daemon(s->daemon);
	s->quiet = true;
}

size_t server_busy(const struct server *s)
{
	return s->busy;
}

size_t server_connections(const struct server *s)
{
	return connections_n(s->connections);
}

const struct shares *server_bodies(const struct server *s)
{
	return &s->bodies;
}

const struct shares *server_replies(const struct server *s)
{
	return &s->replies;
}

void server_close(struct server *s)
{
	if (!s)
		return;
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	if (s->fd > 0 && (s->quiet || !s->daemon))
		(void)close(s->fd);
	connections_free(s->connections);
	free(s);
}

#include "http/server.h"

#include "http/refusal.h"
#include "http/server_state.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096, HOST_MAX = 256 };

/* ---- the listening socket ---- */

static bool address_split(const char *listen, char host[HOST_MAX], const char **ret_port)
{
	const char *colon = strrchr(listen, ':');
	size_t n = colon ? (size_t)(colon - listen) : 0;

	if (!colon || n >= HOST_MAX)
		return false;
	if (n > 1 && listen[0] == '[' && listen[n - 1] == ']') {
		listen++;
		n -= 2;
	}
	memcpy(host, listen, n);
	host[n] = '\0';
	*ret_port = colon + 1;
	return true;
}

static int socket_bound(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, to->ai_addr, to->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static enum err socket_open(const char *listen, struct buf *why, int *ret_fd)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	char host[HOST_MAX];
	const char *port;
	int fd = -1;

	if (address_split(listen, host, &port) &&
		getaddrinfo(host[0] ? host : NULL, port, &hints, &found) == 0)
		fd = socket_bound(found);
	if (fd < 0)
		(void)buf_printf(why,
			"cannot listen on %s: %s; choose another address or stop what uses it",
			listen, found ? strerror(errno) : "no such address");
	if (found)
		freeaddrinfo(found);
	*ret_fd = fd;
	return fd < 0 ? ERR_CONFIG : ERR_OK;
}

static int port_of(int fd)
{
	char service[NI_MAXSERV] = "";
	struct sockaddr_storage at = {0};
	socklen_t len = sizeof at;

	if (getsockname(fd, (struct sockaddr *)&at, &len) != 0 ||
		getnameinfo((struct sockaddr *)&at, len, NULL, 0, service, sizeof service,
			NI_NUMERICSERV) != 0)
		return 0;
	return (int)strtol(service, NULL, 10);
}

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
		.idle_ms = options->idle_ms};
	enum err e = s ? ERR_OK : ERR_NOMEM;

	if (e)
		goto out;
	s->options = *options;
	e = socket_open(options->listen, why, &s->fd);
	if (e)
		goto out;
	s->port = port_of(s->fd);
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

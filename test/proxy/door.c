#include "proxy/door.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURN_MS = 5, BACKLOG = 512 };

static void on_caller(void *owner, int events)
{
	struct door *d = owner;
	int fd = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	d->opened++;
	if (line_new(d->loop, fd, &d->server, &d->fault, &d->lines) != ERR_OK)
		return; /* it took the socket and closed it: the caller sees a reset */
}

static void each_line(struct door *d, void (*visit)(struct line *line))
{
	for (struct ring *at = d->lines.next, *next; at != &d->lines; at = next) {
		next = at->next;
		visit(RING_OF(at, struct line, link));
	}
}

static void on_turn(void *owner)
{
	struct door *d = owner;

	each_line(d, line_turn);
	loop_timer_start(d->timer, TURN_MS);
}

static void door_shut(struct door *d)
{
	loop_io_free(d->io);
	d->io = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* The first time any port will do, later it is the same again. */
static enum err door_listen(struct door *d)
{
	struct sockaddr *here = (struct sockaddr *)&d->here;
	socklen_t len = sizeof(d->here);
	const int yes = 1;

	d->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0 || setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
		bind(d->fd, here, sizeof(d->here)) != 0 || listen(d->fd, BACKLOG) != 0 ||
		getsockname(d->fd, here, &len) != 0)
		return ERR_SYSTEM;
	enum err e = loop_io_new(d->loop, d->fd, on_caller, d, &d->io);
	if (e == ERR_OK)
		loop_io_want(d->io, LOOP_READ);
	return e;
}

enum err door_new(struct loop *loop, const char *name, const char *server_host,
	unsigned server_port, struct door **ret_door)
{
	struct door *d = calloc(1, sizeof(*d));
	enum err e = ERR_INVALID_FIELD;

	if (!d)
		return ERR_NOMEM;
	memcpy(d->name, name, strnlen(name, DOOR_NAME_MAX));
	d->loop = loop;
	d->fd = -1;
	d->fault = fault_none();
	ring_init(&d->lines);
	d->here = (struct sockaddr_in){.sin_family = AF_INET};
	d->here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->server = d->here;
	d->server.sin_port = htons((uint16_t)server_port);
	if (server_port > 0 && server_port <= UINT16_MAX &&
		inet_pton(AF_INET, server_host, &d->server.sin_addr) == 1)
		e = loop_timer_new(loop, on_turn, d, &d->timer);
	if (e == ERR_OK)
		e = door_listen(d);
	if (e != ERR_OK) {
		door_free(d);
		return e;
	}
	loop_timer_start(d->timer, TURN_MS);
	*ret_door = d;
	return ERR_OK;
}

static void line_reset(struct line *line)
{
	line_free(line, true);
}

void door_free(struct door *d)
{
	if (!d)
		return;
	door_shut(d);
	loop_timer_free(d->timer);
	each_line(d, line_reset);
	free(d);
}

unsigned door_port(const struct door *d)
{
	return ntohs(d->here.sin_port);
}

enum err door_fault(struct door *d, const struct fault *fault)
{
	d->fault = *fault;
	if (fault->deaf)
		door_shut(d);
	each_line(d, line_fault);
	return !fault->deaf && d->fd < 0 ? door_listen(d) : ERR_OK;
}

size_t door_lines(const struct door *d)
{
	size_t n = 0;

	for (const struct ring *at = d->lines.next; at != &d->lines; at = at->next)
		n++;
	return n;
}

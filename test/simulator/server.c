#include "simulator/server.h"

#include "ground/clock.h"
#include "simulator/answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_ONCE = 512, BACKLOG = 4096, SCRATCH_MAX = 256 << 20, SCRATCH_KEEP = 1 << 20 };

static enum err address_of(const char *listen, struct sockaddr_in *ret)
{
	char host[64];
	unsigned port;

	memset(ret, 0, sizeof(*ret));
	ret->sin_family = AF_INET;
	if (sscanf(listen, "%63[^:]:%u", host, &port) != 2 || port > 65535 ||
		inet_pton(AF_INET, host, &ret->sin_addr) != 1)
		return ERR_INVALID_FIELD;
	ret->sin_port = htons((uint16_t)port);
	return ERR_OK;
}

static enum err listener_open(struct server *s, const struct sockaddr_in *at)
{
	int on = 1;

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->listener < 0)
		return ERR_SYSTEM;
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->listener, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
		listen(s->listener, BACKLOG) < 0)
		return ERR_SYSTEM;
	return ERR_OK;
}

/* Signals are read like any other event, so the loop stops between two turns. */
static enum err signals_open(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return ERR_SYSTEM;
	s->stop_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->stop_fd < 0 ? ERR_SYSTEM : ERR_OK;
}

/* A watched descriptor that is no connection is known by the address of its field. */
static enum err watch(struct server *s, const int *fd)
{
	struct epoll_event want = {.events = EPOLLIN, .data = {.ptr = (void *)fd}};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, *fd, &want) < 0 ? ERR_SYSTEM : ERR_OK;
}

enum err server_open(const char *listen, size_t calls_max, struct server **ret_server)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_in at;

	if (!s)
		return ERR_NOMEM;
	s->listener = s->stop_fd = -1;
	timers_init(&s->timers);
	buf_init(&s->scratch, SCRATCH_MAX);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	enum err e = s->epoll < 0 ? ERR_SYSTEM : address_of(listen, &at);
	if (e == ERR_OK)
		e = calls_open(calls_max, &s->calls);
	if (e == ERR_OK)
		e = listener_open(s, &at);
	if (e == ERR_OK)
		e = signals_open(s);
	if (e == ERR_OK)
		e = watch(s, &s->listener);
	if (e == ERR_OK)
		e = watch(s, &s->stop_fd);
	if (e == ERR_OK)
		*ret_server = s;
	else
		server_close(s);
	return e;
}

static void bury(struct server *s)
{
	while (s->dead) {
		struct conn *c = s->dead;
		s->dead = c->next;
		free(c);
	}
}

static void close_fd(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

void server_close(struct server *s)
{
	if (!s)
		return;
	while (s->conns)
		conn_free(s, s->conns);
	bury(s);
	close_fd(s->listener);
	close_fd(s->stop_fd);
	close_fd(s->epoll);
	timers_clear(&s->timers);
	calls_close(s->calls);
	quotas_clear(&s->quotas);
	buf_clear(&s->scratch);
	free(s);
}

unsigned server_port(const struct server *s)
{
	struct sockaddr_in at = {0};
	socklen_t len = sizeof(at);

	getsockname(s->listener, (struct sockaddr *)&at, &len);
	return ntohs(at.sin_port);
}

static void accept_all(struct server *s)
{
	for (;;) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			conn_new(s, fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void handle(struct server *s, const struct epoll_event *e)
{
	if (e->data.ptr == &s->listener)
		accept_all(s);
	else if (e->data.ptr == &s->stop_fd)
		s->stopping = true;
	else
		conn_event(s, e->data.ptr, e->events);
}

static void run_due(struct server *s)
{
	int64_t now = clock_us();

	for (struct timer *t; (t = timers_pop(&s->timers, now));) {
		struct conn *c = ((struct answer *)t)->conn;
		answer_step(s, (struct answer *)t);
		conn_event(s, c, 0);
	}
}

/* One large answer must not hold its memory for ever. */
static void scratch_trim(struct server *s)
{
	if (s->scratch.room <= SCRATCH_KEEP)
		return;
	buf_clear(&s->scratch);
	buf_init(&s->scratch, SCRATCH_MAX);
}

enum err server_run(struct server *s)
{
	struct epoll_event events[EVENTS_ONCE];

	while (!s->stopping) {
		int wait = timers_wait_ms(&s->timers, clock_us());
		int n = epoll_wait(s->epoll, events, EVENTS_ONCE, wait);
		if (n < 0 && errno != EINTR)
			return ERR_SYSTEM;
		for (int i = 0; i < n; i++)
			handle(s, &events[i]);
		run_due(s);
		bury(s);
		scratch_trim(s);
	}
	return ERR_OK;
}

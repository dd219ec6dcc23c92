#include "ports/accept.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAUSE_MS = 10, UNREAD_BYTES = 4096 };

/* Given up while a client is told no; -1 meanwhile, or when it could not be had again. */
static _Atomic int reserve = -1;

/* As every other refusal (producer/http/reply.c), but for the request's id: nobody has read a
 * request. */
static const char NO_ROOM[] =
	"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
	"Cache-Control: no-store\r\nContent-Type: application/problem+json\r\n\r\n"
	"{\"type\":\"urn:longhaul:problem:unavailable\",\"title\":\"cannot be served right now\","
	"\"status\":503,\"code\":\"unavailable\",\"detail\":\"as many connections and files are open "
	"as this process may have\",\"errors\":[]}";

static int accept_one(int fd, struct sockaddr *ret_from, socklen_t *ret_len, int flags)
{
	return (int)syscall(SYS_accept4, fd, ret_from, ret_len, flags);
}

void accept_reserve(void)
{
	int none = -1, fd;

	if (atomic_load(&reserve) >= 0)
		return;
	fd = eventfd(0, EFD_CLOEXEC);
	if (fd >= 0 && !atomic_compare_exchange_strong(&reserve, &none, fd))
		(void)close(fd);
}

/* What it has sent is read: closing over that would take our answer back as well. */
static void send_away(int client)
{
	char unread[UNREAD_BYTES];

	(void)send(client, NO_ROOM, sizeof NO_ROOM - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(client, SHUT_WR);
	(void)recv(client, unread, sizeof unread, MSG_DONTWAIT);
	(void)close(client);
}

/* Returns false when there was no descriptor even for that. */
static bool refuse_one(int fd)
{
	const int spare = atomic_exchange(&reserve, -1);
	int client;

	if (spare < 0)
		return false;
	(void)close(spare);
	client = accept_one(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (client >= 0)
		send_away(client);
	accept_reserve();
	return true;
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* The C library's, as libmicrohttpd calls it. Without a descriptor for the next client the library
 * either asks again without a pause, a whole core for each of its threads, or takes no more clients
 * until one of those it has leaves, which may be hours. So it is told that the client hung up
 * before it was accepted, and the client is told 503. */
int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict addr_len, int flags)
{
	int client;

	accept_reserve(); /* comes before the next client */
	client = accept_one(fd, addr, addr_len, flags);
	if (client >= 0 || !is_shortage(errno))
		return client;
	if (!refuse_one(fd))
		(void)poll(NULL, 0, PAUSE_MS);
	errno = ECONNABORTED;
	return -1;
}

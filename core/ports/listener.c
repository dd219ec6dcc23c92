#include "ports/listener.h"

#include "ports/accept.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_MAX = 256 };

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

static int bound(const struct addrinfo *to, int backlog)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1, error;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, to->ai_addr, to->ai_addrlen) == 0 && listen(fd, backlog) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

/* The first that this host has: a name may have an IPv6 address where there is no IPv6. One that
 * is taken is no reason to listen elsewhere. */
static int first_bound(const struct addrinfo *found, int backlog)
{
	int fd = bound(found, backlog);

	while (fd < 0 && (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT) && found->ai_next) {
		found = found->ai_next;
		fd = bound(found, backlog);
	}
	return fd;
}

enum err listener_open(const char *listen, int backlog, struct buf *why, int *ret_fd)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	char host[HOST_MAX];
	const char *port;
	int fd = -1;

	if (address_split(listen, host, &port) &&
		getaddrinfo(host[0] ? host : NULL, port, &hints, &found) == 0)
		fd = first_bound(found, backlog);
	if (fd < 0)
		(void)buf_printf(why,
			"cannot listen on %s: %s; choose another address or stop what uses it",
			listen, found ? strerror(errno) : "no such address");
	if (found)
		freeaddrinfo(found);
	accept_reserve();
	*ret_fd = fd;
	return fd < 0 ? ERR_CONFIG : ERR_OK;
}

int listener_port(int fd)
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

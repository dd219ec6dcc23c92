#include "ports/scratch_url.h"

#include "ports/scratch.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool scratch_url_split(const char *url, char host[SCRATCH_HOST_MAX], int *ret_port, int *ret_db)
{
	char *end;
	size_t n;

	*ret_port = *ret_db = 0;
	if (strncmp(url, "unix:", 5) == 0) {
		n = strlen(url + 5);
		if (url[5] != '/' || n >= SCRATCH_HOST_MAX)
			return false;
		memcpy(host, url + 5, n + 1);
		return true;
	}
	if (strncmp(url, "redis://", 8) != 0)
		return false;
	url += 8;
	bool bracketed = *url == '[';
	n = bracketed ? strcspn(++url, "]") : strcspn(url, ":/");
	if (n == 0 || n >= SCRATCH_HOST_MAX || (bracketed && url[n] != ']') || memchr(url, '@', n))
		return false;
	memcpy(host, url, n);
	host[n] = '\0';
	url += n + bracketed;
	*ret_port = 6379;
	if (*url == ':') {
		*ret_port = (int)strtol(url + 1, &end, 10);
		url = end;
	}
	if (*url == '/') {
		*ret_db = (int)strtol(url + 1, &end, 10);
		url = end;
	}
	return *url == '\0' && *ret_port > 0 && *ret_port < 65536 && *ret_db >= 0;
}

const char *scratch_url_fault(const char *url)
{
	char host[SCRATCH_HOST_MAX];
	int port, db;

	if (strncmp(url, "rediss://", 9) == 0)
		return "this build's hiredis speaks no TLS: run a TLS tunnel (stunnel) beside "
		       "the program and name its local port as redis://127.0.0.1:PORT";
	if (strchr(url, '@'))
		return "a password belongs in its secret file, not in the url";
	return scratch_url_split(url, host, &port, &db)
		       ? NULL
		       : "expected redis://host[:port][/db] or unix:/path";
}

bool scratch_host_resolve(char host[SCRATCH_HOST_MAX])
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	bool ok = getaddrinfo(host, NULL, &hints, &found) == 0 &&
		  getnameinfo(found->ai_addr, found->ai_addrlen, host, SCRATCH_HOST_MAX, NULL, 0,
			  NI_NUMERICHOST) == 0;

	if (found)
		freeaddrinfo(found);
	return ok;
}

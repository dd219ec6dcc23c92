/* scratch_url.h - where a Redis is: the parts of its url. For scratch.c only.
 *
 * Threads: pure, but for the resolver's own.  Memory: the caller's arrays. */
#ifndef PORTS_SCRATCH_URL_H
#define PORTS_SCRATCH_URL_H

#include <stdbool.h>

enum { SCRATCH_HOST_MAX = 256 };

/* redis://host[:port][/db], or unix:/path (then port is 0 and host the path). False: neither. */
bool scratch_url_split(const char *url, char host[SCRATCH_HOST_MAX], int *ret_port, int *ret_db);
/* A name becomes an address, so that connecting never blocks later; this call may. */
bool scratch_host_resolve(char host[SCRATCH_HOST_MAX]);

#endif

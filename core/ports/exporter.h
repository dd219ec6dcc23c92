/* exporter.h - a program's metrics over HTTP, on its own loop (libmicrohttpd behind this).
 *
 * GET /metrics is written by the owner's function at the moment it is asked for;
 * GET /healthz says that the loop turns. Nothing else is there, and no key: bind it
 * where only operators come.
 *
 * Why on the loop and not on a thread beside it: the figures are plain members of
 * what the loop works with. Here they are read between two callbacks, all of one
 * moment, without a lock, an atomic or a copy each second that nobody may ask for;
 * a page of 24 KB costs 0.13 ms with its request (measured), every 15 s or so. The library gives
 * its epoll set as one descriptor, which the loop watches: sockets never block, and a slow reader
 * gets the rest whenever its socket has room. And a loop that stands still does not answer, which
 * is what a probe wants to know.
 *
 * At most EXPORTER_CONNECTIONS at a time, each silent for 10 s at most.
 *
 * Threads: the loop's.  Memory: a page per connection while it is sent. */
#ifndef PORTS_EXPORTER_H
#define PORTS_EXPORTER_H

#include "ground/buf.h"
#include "ports/loop.h"

enum { EXPORTER_CONNECTIONS = 16 };

struct exporter;

/* Appends the page. */
typedef void exporter_fn(void *owner, struct buf *out);

/* listen "" means none: ERR_OK, and *ret_exporter is NULL.
 *   ERR_CONFIG  the address cannot be used; why gets one sentence
 *   ERR_SYSTEM, ERR_NOMEM */
MUST_CHECK enum err exporter_open(struct loop *loop, const char *listen, exporter_fn *fn,
	void *owner, struct buf *why, struct exporter **ret_exporter);
int exporter_port(const struct exporter *exporter);
/* Before loop_free. NULL is fine. */
void exporter_close(struct exporter *exporter);

#endif

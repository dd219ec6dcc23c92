/* listener.h - a listening TCP socket for an address of the configuration.
 *
 * Threads: any.  Memory: none kept; the descriptor is the caller's. */
#ifndef PORTS_LISTENER_H
#define PORTS_LISTENER_H

#include "ground/buf.h"

/* Binds host:port ([v6]:port, :port for all addresses; port 0 = any free one), not blocking.
 *   ERR_CONFIG  it cannot be used; why gets one sentence for people */
MUST_CHECK enum err listener_open(const char *listen, int backlog, struct buf *why, int *ret_fd);
/* The port it got; 0 when that cannot be told. */
int listener_port(int fd);

#endif

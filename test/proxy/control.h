/* control.h - who says what shall go wrong: lines of text over a Unix socket.
 *
 *   door NAME HOST PORT   a new port in front of HOST:PORT (IPv4)    ok PORT
 *   fault NAME WHAT [N]   see fault.h; "pass" heals                  ok
 *   lines NAME            how many stand now, and stood ever         ok N N
 *
 * A line that is wrong is answered "error WHY" and changes nothing. When the last
 * speaker hangs up the program ends: a test that dies leaves no proxy behind.
 *
 * Threads: the loop's.  Memory: control_free frees all, the doors too. */
#ifndef PROXY_CONTROL_H
#define PROXY_CONTROL_H

#include "ports/loop.h"

struct control;

/* Listens at path, which must not exist. ERR_SYSTEM, ERR_NOMEM */
MUST_CHECK enum err control_new(struct loop *loop, const char *path, struct control **ret_control);
void control_free(struct control *control);

#endif

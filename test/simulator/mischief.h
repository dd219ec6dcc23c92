/* mischief.h - replies that break HTTP itself, or never end.
 *
 * What a model server may send by mistake or malice: more headers than anybody
 * needs, a length that is not the body's, a coding that nobody asked for, a
 * gigabyte. Each leaves in pieces, as fast as the reader takes them.
 *
 * Threads: the server's. */
#ifndef SIMULATOR_MISCHIEF_H
#define SIMULATOR_MISCHIEF_H

#include "simulator/answer.h"

bool mischief_wanted(const struct behaviour *how);
/* The next piece; ends the answer after the last. */
void mischief_step(struct server *s, struct answer *a);

#endif

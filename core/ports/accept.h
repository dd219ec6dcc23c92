/* accept.h - what a client hears when there is no descriptor for it.
 *
 * A process that has as many files open as it may still answers: whoever connects is told 503 and
 * is gone, and the next one is served as soon as there is a descriptor again. One is kept in
 * reserve for that. accept4 of the C library is what does it (accept.c): the program's own comes
 * before it, so libmicrohttpd, which accepts, never hears of it.
 *
 * Threads: any.  Memory: none; one descriptor for the whole process, as its limit is. */
#ifndef PORTS_ACCEPT_H
#define PORTS_ACCEPT_H

/* Whoever listens calls it once. While even that descriptor is not to be had, clients wait, and the
 * library asks every few milliseconds. */
void accept_reserve(void);

#endif

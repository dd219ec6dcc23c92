/* control.h - how a test commands what it loaded into our programs.
 *
 * A library of this folder comes before the C library (LD_PRELOAD) and does nothing until it is
 * told to: its command lies in a file, LONGHAUL_FAULT/<process>.<library>, which the test writes
 * whenever it likes, and beside it the library counts what it has spoilt. <process> is the name of
 * the configuration that the program was started with, say worker-1. A process without a file of
 * its own is left alone.
 *
 * Threads: any.  Memory: one page, mapped before main for as long as the process lives. */
#ifndef PRELOAD_CONTROL_H
#define PRELOAD_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

struct control {
	_Atomic int64_t command; /* 0: nothing is spoilt */
	_Atomic int64_t spoilt;
};

/* Of the process that was started with these arguments; one that nobody commands where there is no
 * file. */
struct control *control_of(int argc, char **argv, const char *library);

#endif

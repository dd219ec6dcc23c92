/* crash_note.h - which job's step was running when the process died.
 *
 * A process holds thousands of jobs, and its death must not count against all of
 * them. Before a job's step touches foreign data, the job's name is written into
 * a small mapped file, and wiped after it: a store to memory, no system call, and
 * the kernel keeps the page when the process is gone. The next incarnation finds
 * it and reports it; only that job's crash is counted.
 *
 * Threads: the loop's.  Memory: one page. */
#ifndef WORKER_CRASH_NOTE_H
#define WORKER_CRASH_NOTE_H

#include "ground/err.h"
#include "ground/id.h"

#include <stdbool.h>
#include <stdint.h>

/* What stands in the file; native byte order, it never leaves the host. */
struct crash_note_page {
	uint32_t magic;
	uint32_t busy; /* a step runs; written last when set, first when wiped */
	struct id worker, tenant, job;
	int64_t fence;
};

struct crash_note_file {
	int fd; /* open as long as the note is ours: it holds the lock */
	struct crash_note_page *page;
	struct crash_note_page found; /* of the incarnation before; busy says whether it is one */
};

/* Opens (or makes) state_dir/crash-note, or crash-note.1 and so on when other processes have those,
 * and reads what the last incarnation left in it. Makes state_dir if needed. ERR_SYSTEM: errno says
 * why. */
MUST_CHECK enum err crash_note_open(struct crash_note_file *note, const char *state_dir);
/* Harmless when it never opened. */
void crash_note_close(struct crash_note_file *note);
void crash_note_incarnation(struct crash_note_file *note, struct id worker);

/* Nested calls are fine: the inner job is blamed, and a leave ends both. */
void crash_note_enter(struct crash_note_file *note, struct id tenant, struct id job, int64_t fence);
void crash_note_leave(struct crash_note_file *note);

#endif

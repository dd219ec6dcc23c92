/* holding.h - whether what is held is still ours.
 *
 * A job is lost when the record says that another ended it: a cancel, the
 * reaper, or a claim after our lease ran out. Then its call is cut, and the one
 * thing a former holder may write is written: what the attempt used.
 *
 * Threads: the loop's.  Memory: a batch of keys while asking. */
#ifndef WORKER_HOLDING_H
#define WORKER_HOLDING_H

struct job;
struct worker;

/* The job is another's: cut its call, book its usage, forget it. */
void holding_lost(struct job *job);
/* Books what the attempt used on its own row, now that another ended it (late_usage.h). */
void holding_book_usage(const struct job *job);
/* The same for all held jobs, which the record took away together. */
void holding_book_all(struct worker *w);
/* Asks the record which of all held jobs are still ours, and loses the others. */
void holding_check(struct worker *w);
/* Forgets all jobs at once, booking nothing. */
void holding_drop_all(struct worker *w);

#endif

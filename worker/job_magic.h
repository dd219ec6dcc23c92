/* job_magic.h - how memory that is a job is told from memory that is none.
 *
 * Threads: constants. */
#ifndef WORKER_JOB_MAGIC_H
#define WORKER_JOB_MAGIC_H

#define JOB_MAGIC	0x6a6f6221u
#define JOB_MAGIC_FREED 0x66726565u

#endif

/* stop_point.h - places where a test can end the process exactly there.
 *
 * Built with CONTROL_STOP_POINTS (MODE=points), the worker looks at each point
 * for a file state_dir/stop-point with one line "<point> <KILL|STOP> [job's uuid]";
 * when it names this point (and this job, if it names one) the file is removed
 * and the signal raised. Any other build has nothing of this.
 *
 * Threads: the loop's. */
#ifndef WORKER_STOP_POINT_H
#define WORKER_STOP_POINT_H

struct job;

#define STOP_AFTER_CLAIM  "after_claim"
#define STOP_BEFORE_CALL  "before_call"
#define STOP_MID_STREAM	  "mid_stream"
#define STOP_AFTER_REPLY  "after_reply"
#define STOP_AFTER_COMMIT "after_commit"

#ifdef CONTROL_STOP_POINTS
void stop_point(const struct job *job, const char *name);
#else
#define stop_point(job, name) ((void)0)
#endif

#endif

/* outcome.h - how a command ends: the exit code, and what it means.
 *
 * One table; help, the reference page and the tests read it, so that a script
 * may rely on what a person was told.
 *
 * Threads: pure.  Memory: static. */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#define OUTCOME_TABLE(X)                                                                       \
	X(OK, 0, "done; after wait, watch and submit --wait: every job completed")             \
	X(FAILED, 1, "the request was refused as invalid, or a job did not complete")          \
	X(USAGE, 2, "the command line or a file that it names is wrong; nothing was sent")     \
	X(NOT_FOUND, 3, "there is no such thing, or it belongs to another tenant")             \
	X(REFUSED, 4, "no key, a wrong key, or a key that may not do that")                    \
	X(UNAVAILABLE, 5, "longhaul or its database is away, busy or over a limit: try again") \
	X(TIMEOUT, 6, "the time given to wait is over; the job goes on")                       \
	X(CONFLICT, 7,                                                                         \
		"its state does not allow that, it exists already, or the idempotency key is taken")

#define OUTCOME_NAME(name, code, text) OUTCOME_##name = (code),
enum outcome { OUTCOME_TABLE(OUTCOME_NAME) };
#undef OUTCOME_NAME

struct outcome_row {
	enum outcome code;
	const char *text;
};
/* The table's rows in order of their codes; ends with a NULL text. */
extern const struct outcome_row outcome_rows[];

/* What an HTTP status (not 2xx) means for the one who typed the command. */
enum outcome outcome_from_status(int status);
/* The same, where the problem's code (NULL: none) says more than its status. */
enum outcome outcome_from_refusal(int status, const char *code);

#endif

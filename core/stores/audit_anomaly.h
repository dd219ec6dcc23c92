/* audit_anomaly.h - who does far more of something than ever before.
 *
 * Each actor is measured by its own history: how much of an action it did in the last
 * window, beside what it did in the windows of the days before, those without any
 * included from its first row on. Machines are left out.
 *
 * Threads: the connection's.  Memory: rows die with the callback. */
#ifndef STORES_AUDIT_ANOMALY_H
#define STORES_AUDIT_ANOMALY_H

#include "ports/db.h"

struct audit_anomaly_ask {
	int64_t window_s, history_s;
	int64_t least; /* fewer are never told */
	int64_t times; /* of the mean, and more than ever in one window */
	size_t limit;
};
/* Those that the actor used most in the window that ends now. */
#define AUDIT_ANOMALY_CREDENTIALS 3
struct audit_credential {
	struct id id;
	const char *prefix; /* "key", "tok" */
};
struct audit_anomaly {
	struct id tenant, actor; /* the actor's pseudonym */
	const char *action;
	int64_t n;   /* in the window that ends now */
	double mean; /* of the windows before */
	int64_t most;
	size_t credentials_n;
	struct audit_credential credentials[AUDIT_ANOMALY_CREDENTIALS];
};
typedef void audit_anomaly_done(void *ctx, enum err e, const struct audit_anomaly *rows, size_t n);
/* The farthest off first. */
MUST_CHECK enum err audit_anomalies(
	struct db *db, const struct audit_anomaly_ask *ask, audit_anomaly_done *done, void *ctx);

#endif

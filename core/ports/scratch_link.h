/* scratch_link.h - the connection under a scratch, which heals by itself. For scratch*.c only.
 *
 * scratch.c decides what may be sent and keeps what outlives a connection: scripts,
 * channels, the options. Here are the socket, what is in flight on it, its deadlines and
 * the next try. A new connection greets its server with the password, or with a ping, and
 * is up when that was answered well; then it tells database, scripts and channels.
 *
 * Only hiredis' formatter, reader and plain connection are used: its asynchronous layer
 * forgets a channel that is followed again while its unsubscribe is under way.
 *
 * Threads: the loop's.  Memory: the scratch's. */
#ifndef PORTS_SCRATCH_LINK_H
#define PORTS_SCRATCH_LINK_H

#include "ports/scratch_call.h"
#include "ports/scratch_channels.h"
#include "ports/scratch_url.h"

enum { SCRATCH_SCRIPTS_MAX = 16, SCRATCH_SHA_HEX = 40, SCRATCH_BYTES_MAX = 8 << 20 };

struct redisContext;

struct scratch_script {
	const char *source;
	char sha[SCRATCH_SHA_HEX + 1]; /* "" until this connection's server told it */
};

struct scratch {
	struct loop *loop;
	struct scratch_options options;
	char host[SCRATCH_HOST_MAX]; /* a numeric address, or a path when port is 0 */
	int port, db;
	char *password;
	struct redisContext *link; /* NULL: waiting to try again */
	struct loop_io *io;
	struct loop_timer *timer;
	bool met;     /* the socket stands: the greeting is under way */
	bool up;      /* the server let us in */
	bool refused; /* it did not the last time, and that was told */
	int64_t began_ms, heard_ms, retry_ms, retry_at_ms;
	struct scratch_calls calls; /* answers come in this order */
	struct scratch_script *scripts[SCRATCH_SCRIPTS_MAX];
	size_t scripts_n;
	struct scratch_channels channels;
	bool following; /* this connection speaks pub/sub */
};

/* Tries at once, and again whenever it is gone. ERR_NOMEM, ERR_SYSTEM: scratch_link_drop is due. */
MUST_CHECK enum err scratch_link_start(struct scratch *s);
/* Ends the connection and fails what is in flight; harmless when there is none. */
void scratch_link_drop(struct scratch *s);
/* Something was put: writes it soon. */
void scratch_link_wants(struct scratch *s);

/* Each puts one command behind those in flight. ERR_NOMEM, or ERR_SCRATCH where too much waits to
 * be written: nothing was put. */
/* bytes in the wire's form */
MUST_CHECK enum err scratch_link_put(struct scratch *s, const char *bytes, size_t len);
/* a command that no call waits for: pub/sub */
MUST_CHECK enum err scratch_link_words(struct scratch *s, size_t n, const char *const *words);
/* SCRIPT LOAD: its answer is the script's digest; until then it runs by its source */
enum err scratch_link_load(struct scratch *s, struct scratch_script *script);
/* a script's run with the call's arguments, by its source or by its digest */
MUST_CHECK enum err scratch_link_run(
	struct scratch *s, const struct scratch_call *c, bool by_source);

#endif

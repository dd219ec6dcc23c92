/* scratch.h - Redis on a loop (hiredis lives behind this).
 *
 * Redis holds live tokens, wake-ups and limits: things that may vanish at any
 * moment without losing anything acknowledged. So a command here either is
 * answered within the time limit or fails with ERR_SCRATCH, and the caller then
 * takes its slower path through Postgres. Nothing is queued while Redis is away:
 * scratch_send fails at once, and the connection heals by itself (0.1 to 2 s
 * between tries, with jitter).
 *
 * One struct scratch is one connection. One that follows channels (pub/sub) can
 * do nothing else: open two. After a reconnect its channels are followed again;
 * messages in between are gone, and on_change tells.
 *
 * Only plain TCP and Unix sockets: hiredis 0.14 speaks no TLS, so `rediss://` is
 * refused with a sentence that says so. A host name is resolved blocking, once.
 *
 * Threads: all calls and callbacks on the loop's thread.  Memory: arguments are
 * copied by the call; a reply lives until its callback returns. */
#ifndef PORTS_SCRATCH_H
#define PORTS_SCRATCH_H

#include "ground/err.h"
#include "ports/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scratch;
struct scratch_reply;
struct scratch_script;

struct scratch_arg {
	const char *bytes;
	size_t len;
};
#define SCRATCH_TEXT(text) ((struct scratch_arg){(text), strlen(text)})

/* up: commands are accepted from now on; !up: all in flight have failed. */
typedef void scratch_change_fn(void *owner, bool up);
/* The server is there and lets nobody in (a wrong password, none, a data set still loading); why is
 * its own sentence. Told once until it lets us in; it is asked again all the while. */
typedef void scratch_refused_fn(void *owner, const char *why);
/* A message of a followed channel. channel is NUL-terminated. */
typedef void scratch_message_fn(void *owner, const char *channel, const char *bytes, size_t len);

struct scratch_options {
	const char *url;		/* redis://host[:port][/db] or unix:/path */
	const char *password;		/* NULL = none; from a secret file, never from the url */
	int64_t connect_ms;		/* until the server lets us in; 0 = 1000 */
	int64_t command_ms;		/* from a command to its answer; 0 = 1000 */
	size_t in_flight_max;		/* commands sent and not answered; 0 = 4096 */
	size_t bytes_max;		/* of commands not yet written to the socket; 0 = 8 MiB */
	scratch_change_fn *on_change;	/* may be NULL */
	scratch_refused_fn *on_refused; /* may be NULL */
	scratch_message_fn *on_message; /* may be NULL */
	void *owner;
};

/* Why this url cannot be used, as one sentence for people; NULL when it can. */
const char *scratch_url_fault(const char *url);

/* Starts connecting and returns at once; on_change tells when it is up.
 *   ERR_CONFIG   the url is wrong (scratch_url_fault says how)      ERR_NOMEM */
MUST_CHECK enum err scratch_open(
	struct loop *loop, const struct scratch_options *options, struct scratch **ret_scratch);
/* Fails what is in flight (callbacks run now), forgets the scripts, frees. NULL is fine. */
void scratch_close(struct scratch *s);
bool scratch_is_up(const struct scratch *s);

/* Exactly one call per accepted command.
 *   ERR_OK       reply is the server's answer, never of kind SCRATCH_FAULT
 *   ERR_SCRATCH  no answer in time, the connection ended, or the server refused
 *                (then reply is not NULL and its text says why) */
typedef void scratch_reply_fn(void *owner, enum err e, const struct scratch_reply *reply);

/* Sends one command; fn may be NULL when the answer does not matter.
 *   ERR_SCRATCH  not up, too much in flight or unwritten: nothing was sent, fn will not run
 *   ERR_NOMEM, ERR_TOO_LARGE (it alone is more than bytes_max)  likewise */
MUST_CHECK enum err scratch_send(struct scratch *s, const struct scratch_arg *args, size_t n,
	scratch_reply_fn *fn, void *owner);

/* A Lua script, loaded at each connect and called by its digest; a server that lost it
 * (NOSCRIPT) is sent the source with the same arguments. source must stay valid. Belongs to s. */
MUST_CHECK enum err scratch_script_add(
	struct scratch *s, const char *source, struct scratch_script **ret_script);
/* A script's arguments: the first n_keys of n are KEYS, the rest ARGV. */
struct scratch_args {
	const struct scratch_arg *list;
	size_t n, n_keys;
};
/* Runs a script. Errors as scratch_send. */
MUST_CHECK enum err scratch_run(struct scratch *s, struct scratch_script *script,
	struct scratch_args args, scratch_reply_fn *fn, void *owner);

/* Follows a channel until scratch_unfollow or scratch_close, over reconnects. Counted: each
 * follow needs its unfollow. ERR_NOMEM, or ERR_TOO_LARGE beyond 65,536 channels. */
MUST_CHECK enum err scratch_follow(struct scratch *s, const char *channel);
void scratch_unfollow(struct scratch *s, const char *channel);

/* Replies. Each is safe on NULL and on a reply of another kind (0, NULL, NIL). */
enum scratch_kind { SCRATCH_NIL, SCRATCH_INT, SCRATCH_BYTES, SCRATCH_LIST, SCRATCH_FAULT };
enum scratch_kind scratch_kind(const struct scratch_reply *r);
int64_t scratch_int(const struct scratch_reply *r); /* also of digits in bytes */
const char *scratch_bytes(const struct scratch_reply *r, size_t *ret_len);
size_t scratch_count(const struct scratch_reply *r);
const struct scratch_reply *scratch_item(const struct scratch_reply *r, size_t i);

#endif

/* client.h - one question to longhaul at a time.
 *
 * A blocking face on core's HTTP port: each call runs the loop until its reply
 * is whole. Failures are said here, once and for all commands: no connection, no
 * reply in time, a problem document (its sentence, its pointers, when to try
 * again); the caller only passes the outcome on.
 *
 * Threads: one.  Memory: the client owns loop, connection and key; a reply its text. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "call.h"
#include "profile.h"

#include "ground/secret.h"
#include "ports/http.h"
#include "ports/json.h"

enum client_side {
	CLIENT_JOBS,	 /* url with api_key_file */
	CLIENT_OPERATOR, /* admin_url with admin_key_file */
};

struct client {
	const struct call *call;
	struct profile profile;
	const char *base;
	char *authorization; /* a whole header line */
	struct loop *loop;
	struct http *http;
};

/* Reads profile and key. client_clear is due whatever the outcome. */
enum outcome client_open(const struct call *call, enum client_side side, struct client *ret);
void client_clear(struct client *client);

struct question {
	const char *method;
	const char *path;   /* with its query */
	const char *header; /* one more header line, or NULL */
	const json_t *json; /* the body, or NULL */
	const char *body;   /* the body as bytes with type NDJSON, or NULL */
	size_t body_len;
	int64_t patience_ms; /* how long the server may hold its answer besides the usual time */
	bool quiet;	     /* failures are not said: the caller tries again */
};

struct reply {
	int status;    /* 0: none came */
	bool whole;    /* the exchange ended as HTTP wants it */
	bool sent;     /* the request may have reached the server */
	char why[200]; /* when not whole: what went wrong, for people */
	struct buf body;
	json_t *json;	       /* when the body is JSON, else NULL */
	int64_t retry_after_s; /* 0 = not told */
	bool replayed;	       /* an idempotency key was met again */
};

/* OUTCOME_OK for 2xx and 304. *ret must be cleared whatever the outcome. */
enum outcome client_ask(struct client *client, const struct question *question, struct reply *ret);
void reply_clear(struct reply *reply);
/* Says what a quiet question left unsaid. */
void client_complain(const struct client *client, const struct reply *reply);

/* GET of path whose one reply object is wanted: *ret_json belongs to the caller. */
enum outcome client_get(struct client *client, const char *path, json_t **ret_json);

typedef enum err client_bytes_fn(void *owner, const char *bytes, size_t len);

struct client_stream {
	const char *path;
	const char *header;	/* one more header line, or NULL */
	client_bytes_fn *bytes; /* hears the reply as it comes; anything but ERR_OK cuts it */
	void *owner;
	int64_t limit_ms; /* cut it after so long; 0 = never */
};
/* GET of a stream of events. OUTCOME_OK: the server ended it; OUTCOME_TIMEOUT: the limit is over;
 * OUTCOME_UNAVAILABLE: it was cut or could not begin (not said: the caller tries again); else a
 * refusal (said). */
enum outcome client_stream(struct client *client, const struct client_stream *stream);

/* Waits, for the space between two tries. */
void client_pause(int64_t ms);

/* Appends a name, percent-encoded, so that it is one segment of the path whatever it holds. */
void client_segment(struct buf *path, const char *name);
/* Appends "?name=value" or "&name=value", percent-encoded. Nothing when value is NULL. */
void client_query(struct buf *path, const char *name, const char *value);

#endif

/* scratch.c - see scratch.h. Only hiredis' formatter, reader and plain connection are used: its
 * asynchronous layer forgets a channel that is followed again while its unsubscribe is under way.
 */
#include "ports/scratch.h"

#include "ground/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	IN_FLIGHT_MAX = 4096,
	BYTES_MAX = 8 << 20,
	TIMEOUT_MS = 1000,
	TICK_MS = 50,
	RETRY_MIN_MS = 100,
	RETRY_MAX_MS = 2000,
	PING_MS = 5000,
	SCRIPTS_MAX = 16,
	CHANNELS_MAX = 65536,
	BUCKETS = 4096,
	HOST_MAX = 256,
	SHA_HEX = 40
};

struct call {
	struct call *next;
	int64_t sent_ms;
	scratch_reply_fn *fn;
	void *owner;
	struct scratch_script *script; /* NULL: not a script's run */
	size_t n;		       /* the run's arguments, its number of keys included */
	struct buf tail; /* their wire form: sent again behind the source on NOSCRIPT */
};

struct scratch_script {
	const char *source;
	char sha[SHA_HEX + 1]; /* "" until this connection's server told it */
};

struct channel {
	struct channel *next;
	unsigned followers;
	char name[];
};

struct scratch {
	struct loop *loop;
	struct scratch_options options;
	char host[HOST_MAX]; /* a numeric address, or a path when port is 0 */
	int port, db;
	char *password;
	redisContext *link; /* NULL: waiting to try again */
	struct loop_io *io;
	struct loop_timer *timer;
	bool up;
	int64_t began_ms, heard_ms, retry_ms, retry_at_ms;
	struct call *oldest, **newest; /* answers come in this order */
	size_t in_flight;
	struct scratch_script *scripts[SCRIPTS_MAX];
	size_t scripts_n;
	struct channel *channels[BUCKETS];
	size_t channels_n;
	bool following; /* this connection speaks pub/sub */
};

/* ---- replies ---- */

static const redisReply *reply_of(const struct scratch_reply *r)
{
	return (const redisReply *)(const void *)r;
}

enum scratch_kind scratch_kind(const struct scratch_reply *r)
{
	static const enum scratch_kind kinds[] = {
		[REDIS_REPLY_STRING] = SCRATCH_BYTES,
		[REDIS_REPLY_ARRAY] = SCRATCH_LIST,
		[REDIS_REPLY_INTEGER] = SCRATCH_INT,
		[REDIS_REPLY_NIL] = SCRATCH_NIL,
		[REDIS_REPLY_STATUS] = SCRATCH_BYTES,
		[REDIS_REPLY_ERROR] = SCRATCH_FAULT,
	};
	return r ? kinds[reply_of(r)->type] : SCRATCH_NIL;
}

int64_t scratch_int(const struct scratch_reply *r)
{
	enum scratch_kind kind = scratch_kind(r);

	if (kind == SCRATCH_INT)
		return reply_of(r)->integer;
	return kind == SCRATCH_BYTES ? strtoll(reply_of(r)->str, NULL, 10) : 0;
}

const char *scratch_bytes(const struct scratch_reply *r, size_t *ret_len)
{
	enum scratch_kind kind = scratch_kind(r);
	bool has = kind == SCRATCH_BYTES || kind == SCRATCH_FAULT;

	if (ret_len)
		*ret_len = has ? reply_of(r)->len : 0;
	return has ? reply_of(r)->str : NULL;
}

size_t scratch_count(const struct scratch_reply *r)
{
	return scratch_kind(r) == SCRATCH_LIST ? reply_of(r)->elements : 0;
}

const struct scratch_reply *scratch_item(const struct scratch_reply *r, size_t i)
{
	if (i >= scratch_count(r))
		return NULL;
	return (const struct scratch_reply *)(const void *)reply_of(r)->element[i];
}

/* ---- where Redis is ---- */

static bool url_split(const char *url, char host[HOST_MAX], int *ret_port, int *ret_db)
{
	char *end;
	size_t n;

	*ret_port = *ret_db = 0;
	if (strncmp(url, "unix:", 5) == 0) {
		n = strlen(url + 5);
		if (url[5] != '/' || n >= HOST_MAX)
			return false;
		memcpy(host, url + 5, n + 1);
		return true;
	}
	if (strncmp(url, "redis://", 8) != 0)
		return false;
	url += 8;
	bool bracketed = *url == '[';
	n = bracketed ? strcspn(++url, "]") : strcspn(url, ":/");
	if (n == 0 || n >= HOST_MAX || (bracketed && url[n] != ']') || memchr(url, '@', n))
		return false;
	memcpy(host, url, n);
	host[n] = '\0';
	url += n + bracketed;
	*ret_port = 6379;
	if (*url == ':') {
		*ret_port = (int)strtol(url + 1, &end, 10);
		url = end;
	}
	if (*url == '/') {
		*ret_db = (int)strtol(url + 1, &end, 10);
		url = end;
	}
	return *url == '\0' && *ret_port > 0 && *ret_port < 65536 && *ret_db >= 0;
}

const char *scratch_url_fault(const char *url)
{
	char host[HOST_MAX];
	int port, db;

	if (strncmp(url, "rediss://", 9) == 0)
		return "this build's hiredis speaks no TLS: run a TLS tunnel (stunnel) beside "
		       "the program and name its local port as redis://127.0.0.1:PORT";
	if (strchr(url, '@'))
		return "a password belongs in its secret file, not in the url";
	return url_split(url, host, &port, &db) ? NULL
						: "expected redis://host[:port][/db] or unix:/path";
}

/* A name becomes a number here, so that connecting never blocks. */
static bool host_resolve(char host[HOST_MAX])
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	bool ok = getaddrinfo(host, NULL, &hints, &found) == 0 &&
		  getnameinfo(found->ai_addr, found->ai_addrlen, host, HOST_MAX, NULL, 0,
			  NI_NUMERICHOST) == 0;

	if (found)
		freeaddrinfo(found);
	return ok;
}

/* ---- calls under way ---- */

static void call_free(struct call *c)
{
	buf_clear(&c->tail);
	free(c);
}

static void call_end(struct call *c, enum err e, const struct scratch_reply *reply)
{
	if (c->fn)
		c->fn(c->owner, e, reply);
	call_free(c);
}

static void call_push(struct scratch *s, struct call *c)
{
	c->next = NULL;
	c->sent_ms = loop_now_ms(s->loop);
	*s->newest = c;
	s->newest = &c->next;
	s->in_flight++;
}

static struct call *call_pop(struct scratch *s)
{
	struct call *c = s->oldest;

	if (c) {
		s->oldest = c->next;
		if (!s->oldest)
			s->newest = &s->oldest;
		s->in_flight--;
	}
	return c;
}

static struct call *call_new(scratch_reply_fn *fn, void *owner)
{
	struct call *c = calloc(1, sizeof *c);

	if (c) {
		c->fn = fn;
		c->owner = owner;
		buf_init(&c->tail, BYTES_MAX);
	}
	return c;
}

/* ---- the connection ---- */

static void link_drop(struct scratch *s)
{
	bool was_up = s->up;
	struct call *c;

	if (!s->link)
		return;
	loop_io_free(s->io);
	s->io = NULL;
	redisFree(s->link);
	s->link = NULL;
	s->up = false;
	s->retry_ms = s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->retry_ms * 2;
	s->retry_at_ms = loop_now_ms(s->loop) + s->retry_ms / 2 + rand() % (s->retry_ms / 2 + 1);
	/* those sent from these callbacks fail at once: nothing is up */
	while ((c = call_pop(s)))
		call_end(c, ERR_SCRATCH, NULL);
	if (was_up && s->options.on_change)
		s->options.on_change(s->options.owner, false);
}

static void link_wants(struct scratch *s)
{
	bool writes = !s->up || s->link->obuf[0] != '\0';

	loop_io_want(s->io, LOOP_READ | (writes ? LOOP_WRITE : 0));
}

/* Appends what is already in the wire's form. */
static enum err link_put(struct scratch *s, const char *bytes, size_t len)
{
	return redisAppendFormattedCommand(s->link, bytes, len) == REDIS_OK ? ERR_OK : ERR_NOMEM;
}

static enum err put_words(struct scratch *s, size_t n, const char *const *words)
{
	char *wire = NULL;
	int len = redisFormatCommandArgv(&wire, (int)n, (const char **)words, NULL);
	enum err e = len > 0 ? link_put(s, wire, (size_t)len) : ERR_NOMEM;

	if (wire)
		redisFreeCommand(wire);
	return e;
}

/* A command of our own; its answer goes to fn. */
static enum err put_own(
	struct scratch *s, scratch_reply_fn *fn, void *owner, size_t n, const char *const *words)
{
	struct call *c = call_new(fn, owner);
	enum err e = c ? put_words(s, n, words) : ERR_NOMEM;

	if (e)
		free(c);
	else
		call_push(s, c);
	return e;
}

static void script_told(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct scratch_script *script = owner;
	size_t len;
	const char *sha = scratch_bytes(reply, &len);

	if (!e && len == SHA_HEX)
		memcpy(script->sha, sha, SHA_HEX + 1);
}

static enum err script_load(struct scratch *s, struct scratch_script *script)
{
	script->sha[0] = '\0';
	return put_own(
		s, script_told, script, 3, (const char *const[]){"SCRIPT", "LOAD", script->source});
}

static enum err link_greet(struct scratch *s)
{
	char db[16];
	enum err e = ERR_OK;

	if (s->password)
		e = put_own(s, NULL, NULL, 2, (const char *const[]){"AUTH", s->password});
	(void)snprintf(db, sizeof db, "%d", s->db);
	if (!e && s->db)
		e = put_own(s, NULL, NULL, 2, (const char *const[]){"SELECT", db});
	for (size_t i = 0; !e && i < s->scripts_n; i++)
		e = script_load(s, s->scripts[i]);
	for (size_t i = 0; !e && i < BUCKETS; i++)
		for (struct channel *c = s->channels[i]; !e && c; c = c->next)
			e = put_words(s, 2, (const char *const[]){"SUBSCRIBE", c->name});
	return e;
}

static void link_up(struct scratch *s)
{
	int fault = 0;
	socklen_t len = sizeof fault;

	if (getsockopt(s->link->fd, SOL_SOCKET, SO_ERROR, &fault, &len) != 0 || fault != 0) {
		link_drop(s);
		return;
	}
	s->up = true;
	s->heard_ms = loop_now_ms(s->loop);
	s->following = s->channels_n > 0;
	if (link_greet(s)) {
		link_drop(s);
		return;
	}
	if (s->options.on_change)
		s->options.on_change(s->options.owner, true);
}

/* ---- answers ---- */

static bool reply_is_noscript(const struct scratch_reply *reply)
{
	return scratch_kind(reply) == SCRATCH_FAULT &&
	       strncmp(scratch_bytes(reply, NULL), "NOSCRIPT", 8) == 0;
}

/* The run's head: everything before its arguments. */
static enum err put_run(struct scratch *s, const struct call *c, bool by_source)
{
	struct buf wire;
	const struct scratch_script *script = c->script;
	const char *what = by_source ? script->source : script->sha;
	enum err e;

	buf_init(&wire, 2 * (size_t)BYTES_MAX);
	(void)buf_printf(&wire, "*%zu\r\n%s\r\n$%zu\r\n", c->n + 2,
		by_source ? "$4\r\nEVAL" : "$7\r\nEVALSHA", strlen(what));
	(void)buf_text(&wire, what);
	(void)buf_text(&wire, "\r\n");
	(void)buf_append(&wire, c->tail.bytes, c->tail.len);
	e = buf_err(&wire);
	if (!e)
		e = link_put(s, wire.bytes, wire.len);
	buf_clear(&wire);
	return e;
}

static void answer(struct scratch *s, const struct scratch_reply *reply)
{
	struct call *c = call_pop(s);

	if (!c)
		return;
	if (c->script && reply_is_noscript(reply)) {
		(void)script_load(s, c->script);
		if (put_run(s, c, true) == ERR_OK) {
			call_push(s, c);
			return;
		}
	}
	call_end(c, scratch_kind(reply) == SCRATCH_FAULT ? ERR_SCRATCH : ERR_OK, reply);
}

static void pushed(struct scratch *s, const struct scratch_reply *reply)
{
	const char *kind = scratch_bytes(scratch_item(reply, 0), NULL);
	const char *channel = scratch_bytes(scratch_item(reply, 1), NULL);
	size_t len;
	const char *bytes = scratch_bytes(scratch_item(reply, 2), &len);

	if (kind && strcmp(kind, "message") == 0 && channel && bytes && s->options.on_message)
		s->options.on_message(s->options.owner, channel, bytes, len);
}

/* False when the connection is over. A callback may close commands, never s itself. */
static bool answers_take(struct scratch *s)
{
	void *reply = NULL;

	for (;;) {
		if (redisGetReplyFromReader(s->link, &reply) != REDIS_OK)
			return false;
		if (!reply)
			return true;
		s->heard_ms = loop_now_ms(s->loop);
		s->retry_ms = RETRY_MIN_MS;
		if (s->following && scratch_kind(reply) == SCRATCH_LIST)
			pushed(s, reply);
		else
			answer(s, reply);
		freeReplyObject(reply);
		if (!s->link)
			return true;
	}
}

static void link_ready(void *owner, int events)
{
	struct scratch *s = owner;
	int done;

	if (!s->up && (events & LOOP_WRITE))
		link_up(s);
	if (s->link && s->up && (events & LOOP_READ) &&
		(redisBufferRead(s->link) != REDIS_OK || !answers_take(s)))
		link_drop(s);
	if (s->link && s->up && redisBufferWrite(s->link, &done) != REDIS_OK)
		link_drop(s);
	if (s->link)
		link_wants(s);
}

static void link_start(struct scratch *s)
{
	s->link = s->port ? redisConnectNonBlock(s->host, s->port)
			  : redisConnectUnixNonBlock(s->host);
	s->began_ms = loop_now_ms(s->loop);
	if (s->link && !s->link->err &&
		loop_io_new(s->loop, s->link->fd, link_ready, s, &s->io) == ERR_OK) {
		link_wants(s);
		return;
	}
	link_drop(s);
	if (!s->link)
		s->retry_at_ms = s->began_ms + RETRY_MAX_MS;
}

static bool link_late(const struct scratch *s, int64_t now)
{
	if (!s->up)
		return now - s->began_ms > s->options.timeout_ms;
	if (s->oldest)
		return now - s->oldest->sent_ms > s->options.timeout_ms;
	return s->following && now - s->heard_ms > PING_MS + s->options.timeout_ms;
}

/* Deadlines, and the next try. A silent follower is asked whether its server still lives. */
static void tick(void *owner)
{
	struct scratch *s = owner;
	int64_t now = loop_now_ms(s->loop);

	if (s->link && link_late(s, now))
		link_drop(s);
	else if (!s->link && now >= s->retry_at_ms)
		link_start(s);
	else if (s->up && s->following && now - s->heard_ms > PING_MS &&
		 put_words(s, 1, (const char *const[]){"PING"}) == ERR_OK)
		link_wants(s);
	loop_timer_start(
		s->timer, s->up && s->following && now - s->heard_ms > PING_MS ? 1000 : TICK_MS);
}

/* ---- opening and closing ---- */

static void options_default(struct scratch_options *o)
{
	if (!o->timeout_ms)
		o->timeout_ms = TIMEOUT_MS;
	if (!o->in_flight_max)
		o->in_flight_max = IN_FLIGHT_MAX;
	if (!o->bytes_max)
		o->bytes_max = BYTES_MAX;
}

enum err scratch_open(
	struct loop *loop, const struct scratch_options *options, struct scratch **ret_scratch)
{
	struct scratch *s = calloc(1, sizeof *s);
	enum err e = s ? ERR_OK : ERR_NOMEM;

	if (e)
		goto out;
	s->loop = loop;
	s->options = *options;
	s->newest = &s->oldest;
	s->retry_ms = RETRY_MIN_MS;
	options_default(&s->options);
	if (!url_split(options->url, s->host, &s->port, &s->db) ||
		(s->port && !host_resolve(s->host))) {
		e = ERR_CONFIG;
		goto out;
	}
	if (options->password && !(s->password = strdup(options->password))) {
		e = ERR_NOMEM;
		goto out;
	}
	e = loop_timer_new(loop, tick, s, &s->timer);
	if (e)
		goto out;
	link_start(s);
	loop_timer_start(s->timer, TICK_MS);
	*ret_scratch = s;
	s = NULL;
out:
	scratch_close(s);
	return e;
}

void scratch_close(struct scratch *s)
{
	if (!s)
		return;
	s->options.on_change = NULL;
	link_drop(s);
	loop_timer_free(s->timer);
	for (size_t i = 0; i < s->scripts_n; i++)
		free(s->scripts[i]);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct channel *c = s->channels[i], *next; c; c = next) {
			next = c->next;
			free(c);
		}
	free(s->password);
	free(s);
}

bool scratch_is_up(const struct scratch *s)
{
	return s && s->up;
}

/* ---- commands ---- */

static enum err may_send(const struct scratch *s)
{
	if (!scratch_is_up(s) || s->in_flight >= s->options.in_flight_max)
		return ERR_SCRATCH;
	return ERR_OK;
}

static void arg_put(struct buf *wire, struct scratch_arg arg)
{
	(void)buf_printf(wire, "$%zu\r\n", arg.len);
	(void)buf_append(wire, arg.bytes, arg.len);
	(void)buf_append(wire, "\r\n", 2);
}

/* Publishes a formatted call, or frees it. */
static enum err call_sent(struct scratch *s, struct call *c, enum err e)
{
	if (e) {
		call_free(c);
		return e;
	}
	call_push(s, c);
	link_wants(s);
	return ERR_OK;
}

enum err scratch_send(struct scratch *s, const struct scratch_arg *args, size_t n,
	scratch_reply_fn *fn, void *owner)
{
	enum err e = may_send(s);
	struct call *c = e ? NULL : call_new(fn, owner);

	if (!c)
		return e ? e : ERR_NOMEM;
	(void)buf_printf(&c->tail, "*%zu\r\n", n);
	for (size_t i = 0; i < n; i++)
		arg_put(&c->tail, args[i]);
	e = buf_err(&c->tail);
	if (!e)
		e = link_put(s, c->tail.bytes, c->tail.len);
	buf_clear(&c->tail);
	return call_sent(s, c, e);
}

enum err scratch_script_add(
	struct scratch *s, const char *source, struct scratch_script **ret_script)
{
	struct scratch_script *script;

	if (s->scripts_n == SCRIPTS_MAX)
		return ERR_TOO_LARGE;
	script = calloc(1, sizeof *script);
	if (!script)
		return ERR_NOMEM;
	script->source = source;
	s->scripts[s->scripts_n++] = script;
	if (s->up && script_load(s, script) == ERR_OK)
		link_wants(s);
	*ret_script = script;
	return ERR_OK;
}

enum err scratch_run(struct scratch *s, struct scratch_script *script, size_t n_keys,
	const struct scratch_arg *args, size_t n, scratch_reply_fn *fn, void *owner)
{
	enum err e = may_send(s);
	struct call *c = e ? NULL : call_new(fn, owner);
	char keys[24];

	if (!c)
		return e ? e : ERR_NOMEM;
	c->script = script;
	c->n = n + 1;
	(void)snprintf(keys, sizeof keys, "%zu", n_keys);
	arg_put(&c->tail, SCRATCH_TEXT(keys));
	for (size_t i = 0; i < n; i++)
		arg_put(&c->tail, args[i]);
	e = buf_err(&c->tail);
	if (!e)
		e = put_run(s, c, script->sha[0] == '\0');
	return call_sent(s, c, e);
}

/* ---- channels ---- */

static struct channel **channel_place(struct scratch *s, const char *name)
{
	uint32_t hash = 2166136261u;
	struct channel **at;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	for (at = &s->channels[hash % BUCKETS]; *at; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0)
			break;
	return at;
}

enum err scratch_follow(struct scratch *s, const char *channel)
{
	struct channel **at = channel_place(s, channel);
	size_t len = strlen(channel);

	if (*at) {
		(*at)->followers++;
		return ERR_OK;
	}
	if (s->channels_n == CHANNELS_MAX)
		return ERR_TOO_LARGE;
	*at = calloc(1, sizeof **at + len + 1);
	if (!*at)
		return ERR_NOMEM;
	(*at)->followers = 1;
	memcpy((*at)->name, channel, len);
	s->channels_n++;
	if (s->up && put_words(s, 2, (const char *const[]){"SUBSCRIBE", channel}) == ERR_OK)
		link_wants(s);
	s->following |= s->up;
	return ERR_OK;
}

void scratch_unfollow(struct scratch *s, const char *channel)
{
	struct channel **at = channel_place(s, channel), *c = *at;

	if (!c || --c->followers > 0)
		return;
	if (s->up && put_words(s, 2, (const char *const[]){"UNSUBSCRIBE", channel}) == ERR_OK)
		link_wants(s);
	*at = c->next;
	free(c);
	s->channels_n--;
}

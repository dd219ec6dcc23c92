#include "ports/scratch_link.h"

#include "ground/buf.h"
#include "ground/digest.h"

#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TICK_MS = 50, RETRY_MIN_MS = 100, RETRY_MAX_MS = 2000, PING_MS = 5000 };

/* ---- going and writing ---- */

/* Half of it to all of it, by chance: programs that lost Redis at once do not come back at once. */
static int64_t jittered(int64_t ms)
{
	uint32_t chance;

	digest_random(&chance, sizeof chance);
	return ms / 2 + chance % (ms / 2 + 1);
}

void scratch_link_drop(struct scratch *s)
{
	bool was_up = s->up;
	struct scratch_call *c;

	if (!s->link)
		return;
	loop_io_free(s->io);
	s->io = NULL;
	redisFree(s->link);
	s->link = NULL;
	s->met = s->up = false;
	s->retry_ms = s->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : s->retry_ms * 2;
	s->retry_at_ms = loop_now_ms(s->loop) + jittered(s->retry_ms);
	/* those sent from these callbacks fail at once: nothing is up */
	while ((c = scratch_calls_pop(&s->calls)))
		scratch_call_end(c, ERR_SCRATCH, NULL);
	if (was_up && s->options.on_change)
		s->options.on_change(s->options.owner, false);
}

/* By its length: what is left of a command may begin with a NUL. */
static size_t unwritten(const struct scratch *s)
{
	return sdslen(s->link->obuf);
}

void scratch_link_wants(struct scratch *s)
{
	bool writes;

	if (!s->link)
		return;
	writes = !s->met || unwritten(s) > 0;
	loop_io_want(s->io, LOOP_READ | (writes ? LOOP_WRITE : 0));
}

enum err scratch_link_put(struct scratch *s, const char *bytes, size_t len)
{
	if (unwritten(s) && unwritten(s) + len > s->options.bytes_max)
		return ERR_SCRATCH;
	return redisAppendFormattedCommand(s->link, bytes, len) == REDIS_OK ? ERR_OK : ERR_NOMEM;
}

enum err scratch_link_words(struct scratch *s, size_t n, const char *const *words)
{
	char *wire = NULL;
	int len = redisFormatCommandArgv(&wire, (int)n, (const char **)words, NULL);
	enum err e = len > 0 ? scratch_link_put(s, wire, (size_t)len) : ERR_NOMEM;

	if (wire)
		redisFreeCommand(wire);
	return e;
}

/* A command of our own; its answer goes to fn. */
static enum err put_own(
	struct scratch *s, scratch_reply_fn *fn, void *owner, size_t n, const char *const *words)
{
	struct scratch_call *c = scratch_call_new(fn, owner, s->options.bytes_max);
	enum err e = c ? scratch_link_words(s, n, words) : ERR_NOMEM;

	if (e)
		free(c);
	else
		scratch_calls_push(&s->calls, c, loop_now_ms(s->loop));
	return e;
}

static void script_told(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct scratch_script *script = owner;
	size_t len;
	const char *sha = scratch_bytes(reply, &len);

	if (!e && len == SCRATCH_SHA_HEX)
		memcpy(script->sha, sha, SCRATCH_SHA_HEX + 1);
}

enum err scratch_link_load(struct scratch *s, struct scratch_script *script)
{
	script->sha[0] = '\0';
	return put_own(
		s, script_told, script, 3, (const char *const[]){"SCRIPT", "LOAD", script->source});
}

/* What a server that let us in is told at once. */
static enum err link_settle(struct scratch *s)
{
	char db[16];
	enum err e = ERR_OK;

	(void)snprintf(db, sizeof db, "%d", s->db);
	if (s->db)
		e = put_own(s, NULL, NULL, 2, (const char *const[]){"SELECT", db});
	for (size_t i = 0; !e && i < s->scripts_n; i++)
		e = scratch_link_load(s, s->scripts[i]);
	for (size_t i = 0; !e && i < SCRATCH_CHANNEL_BUCKETS; i++)
		for (struct scratch_channel *c = s->channels.buckets[i]; !e && c; c = c->next)
			e = scratch_link_words(s, 2, (const char *const[]){"SUBSCRIBE", c->name});
	return e;
}

static void link_up(struct scratch *s)
{
	s->up = true;
	s->refused = false;
	s->retry_ms = RETRY_MIN_MS;
	s->following = s->channels.n > 0;
	if (link_settle(s)) {
		scratch_link_drop(s);
		return;
	}
	if (s->options.on_change)
		s->options.on_change(s->options.owner, true);
}

/* Told once, not with every try. */
static void link_refused(struct scratch *s, const char *why)
{
	bool news = !s->refused;

	s->refused = true;
	scratch_link_drop(s);
	if (news && s->options.on_refused)
		s->options.on_refused(s->options.owner, why);
}

/* Without a reply the connection is over already. */
static void greeted(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct scratch *s = owner;

	if (!e)
		link_up(s);
	else if (reply)
		link_refused(s, scratch_bytes(reply, NULL));
}

/* Whoever needs a password says so to the first command, whichever it is. */
static enum err link_greet(struct scratch *s)
{
	const char *words[] = {s->password ? "AUTH" : "PING", s->password};

	return put_own(s, greeted, s, s->password ? 2 : 1, words);
}

static void link_met(struct scratch *s)
{
	int fault = 0;
	socklen_t len = sizeof fault;

	if (getsockopt(s->link->fd, SOL_SOCKET, SO_ERROR, &fault, &len) != 0 || fault != 0) {
		scratch_link_drop(s);
		return;
	}
	s->met = true;
	s->heard_ms = loop_now_ms(s->loop);
	s->following = false;
	if (link_greet(s))
		scratch_link_drop(s);
}

/* ---- answers ---- */

static bool reply_is_noscript(const struct scratch_reply *reply)
{
	return scratch_kind(reply) == SCRATCH_FAULT &&
	       strncmp(scratch_bytes(reply, NULL), "NOSCRIPT", 8) == 0;
}

/* The run's head: everything before its arguments. */
enum err scratch_link_run(struct scratch *s, const struct scratch_call *c, bool by_source)
{
	struct buf wire;
	const struct scratch_script *script = c->script;
	const char *what = by_source ? script->source : script->sha;
	enum err e;

	buf_init(&wire, 2 * (size_t)SCRATCH_BYTES_MAX);
	(void)buf_printf(&wire, "*%zu\r\n%s\r\n$%zu\r\n", c->n + 2,
		by_source ? "$4\r\nEVAL" : "$7\r\nEVALSHA", strlen(what));
	(void)buf_text(&wire, what);
	(void)buf_text(&wire, "\r\n");
	(void)buf_append(&wire, c->tail.bytes, c->tail.len);
	e = buf_err(&wire);
	if (!e)
		e = scratch_link_put(s, wire.bytes, wire.len);
	buf_clear(&wire);
	return e;
}

static void answer(struct scratch *s, const struct scratch_reply *reply)
{
	struct scratch_call *c = scratch_calls_pop(&s->calls);

	if (!c)
		return;
	if (c->script && reply_is_noscript(reply)) {
		(void)scratch_link_load(s, c->script);
		if (scratch_link_run(s, c, true) == ERR_OK) {
			scratch_calls_push(&s->calls, c, loop_now_ms(s->loop));
			return;
		}
	}
	scratch_call_end(c, scratch_kind(reply) == SCRATCH_FAULT ? ERR_SCRATCH : ERR_OK, reply);
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
		if (s->following && scratch_kind(reply) == SCRATCH_LIST)
			pushed(s, reply);
		else
			answer(s, reply);
		freeReplyObject(reply);
		if (!s->link)
			return true;
	}
}

/* ---- the socket, its deadlines, the next try ---- */

/* False when the connection is over. Once all is written hiredis (0.14) makes a new buffer, and
 * does not look whether there was memory for it: the next command would end the process, and so
 * would asking here whether all is written (done), which it reads from that buffer. */
static bool write_some(struct scratch *s)
{
	return redisBufferWrite(s->link, NULL) == REDIS_OK && s->link->obuf;
}

static void link_ready(void *owner, int events)
{
	struct scratch *s = owner;

	if (!s->met && (events & LOOP_WRITE))
		link_met(s);
	if (s->link && s->met && (events & LOOP_READ) &&
		(redisBufferRead(s->link) != REDIS_OK || !answers_take(s)))
		scratch_link_drop(s);
	if (s->link && s->met && !write_some(s))
		scratch_link_drop(s);
	if (s->link)
		scratch_link_wants(s);
}

static void link_try(struct scratch *s)
{
	s->link = s->port ? redisConnectNonBlock(s->host, s->port)
			  : redisConnectUnixNonBlock(s->host);
	s->began_ms = loop_now_ms(s->loop);
	if (s->link && !s->link->err &&
		loop_io_new(s->loop, s->link->fd, link_ready, s, &s->io) == ERR_OK) {
		scratch_link_wants(s);
		return;
	}
	scratch_link_drop(s);
	if (!s->link)
		s->retry_at_ms = s->began_ms + RETRY_MAX_MS;
}

static bool link_late(const struct scratch *s, int64_t now)
{
	if (!s->up)
		return now - s->began_ms > s->options.connect_ms;
	if (s->calls.oldest)
		return now - s->calls.oldest->sent_ms > s->options.command_ms;
	return s->following && now - s->heard_ms > PING_MS + s->options.command_ms;
}

/* An answer that lies in the socket came in time: then it is this loop that was late. */
static bool link_is_over(struct scratch *s, int64_t now)
{
	if (s->link && link_late(s, now))
		link_ready(s, LOOP_READ);
	return s->link && link_late(s, now);
}

/* Deadlines, and the next try. A silent follower is asked whether its server still lives. */
static void tick(void *owner)
{
	struct scratch *s = owner;
	int64_t now = loop_now_ms(s->loop);

	if (link_is_over(s, now))
		scratch_link_drop(s);
	else if (!s->link && now >= s->retry_at_ms)
		link_try(s);
	else if (s->up && s->following && now - s->heard_ms > PING_MS &&
		 scratch_link_words(s, 1, (const char *const[]){"PING"}) == ERR_OK)
		scratch_link_wants(s);
	loop_timer_start(
		s->timer, s->up && s->following && now - s->heard_ms > PING_MS ? 1000 : TICK_MS);
}

enum err scratch_link_start(struct scratch *s)
{
	enum err e = loop_timer_new(s->loop, tick, s, &s->timer);

	if (e)
		return e;
	s->retry_ms = RETRY_MIN_MS;
	link_try(s);
	loop_timer_start(s->timer, TICK_MS);
	return ERR_OK;
}

#include "ports/scratch.h"

#include "ports/scratch_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT_MAX = 4096, CONNECT_MS = 1000, COMMAND_MS = 1000 };

/* ---- opening and closing ---- */

static void options_default(struct scratch_options *o)
{
	if (!o->connect_ms)
		o->connect_ms = CONNECT_MS;
	if (!o->command_ms)
		o->command_ms = COMMAND_MS;
	if (!o->in_flight_max)
		o->in_flight_max = IN_FLIGHT_MAX;
	if (!o->bytes_max)
		o->bytes_max = SCRATCH_BYTES_MAX;
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
	scratch_calls_init(&s->calls);
	options_default(&s->options);
	if (!scratch_url_split(options->url, s->host, &s->port, &s->db) ||
		(s->port && !scratch_host_resolve(s->host))) {
		e = ERR_CONFIG;
		goto out;
	}
	if (options->password && !(s->password = strdup(options->password))) {
		e = ERR_NOMEM;
		goto out;
	}
	e = scratch_link_start(s);
	if (e)
		goto out;
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
	s->options.on_refused = NULL;
	scratch_link_drop(s);
	loop_timer_free(s->timer);
	for (size_t i = 0; i < s->scripts_n; i++)
		free(s->scripts[i]);
	scratch_channels_clear(&s->channels);
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
	if (!scratch_is_up(s) || s->calls.n >= s->options.in_flight_max)
		return ERR_SCRATCH;
	return ERR_OK;
}

/* Publishes a formatted call, or frees it. */
static enum err call_sent(struct scratch *s, struct scratch_call *c, enum err e)
{
	if (e) {
		scratch_call_free(c);
		return e;
	}
	scratch_calls_push(&s->calls, c, loop_now_ms(s->loop));
	scratch_link_wants(s);
	return ERR_OK;
}

enum err scratch_send(struct scratch *s, const struct scratch_arg *args, size_t n,
	scratch_reply_fn *fn, void *owner)
{
	enum err e = may_send(s);
	struct scratch_call *c = e ? NULL : scratch_call_new(fn, owner, s->options.bytes_max);

	if (!c)
		return e ? e : ERR_NOMEM;
	(void)buf_printf(&c->tail, "*%zu\r\n", n);
	for (size_t i = 0; i < n; i++)
		scratch_call_arg(c, args[i]);
	e = buf_err(&c->tail);
	if (!e)
		e = scratch_link_put(s, c->tail.bytes, c->tail.len);
	buf_clear(&c->tail);
	return call_sent(s, c, e);
}

enum err scratch_script_add(
	struct scratch *s, const char *source, struct scratch_script **ret_script)
{
	struct scratch_script *script;

	if (s->scripts_n == SCRATCH_SCRIPTS_MAX)
		return ERR_TOO_LARGE;
	script = calloc(1, sizeof *script);
	if (!script)
		return ERR_NOMEM;
	script->source = source;
	s->scripts[s->scripts_n++] = script;
	if (s->up && scratch_link_load(s, script) == ERR_OK)
		scratch_link_wants(s);
	*ret_script = script;
	return ERR_OK;
}

enum err scratch_run(struct scratch *s, struct scratch_script *script, struct scratch_args args,
	scratch_reply_fn *fn, void *owner)
{
	enum err e = may_send(s);
	struct scratch_call *c = e ? NULL : scratch_call_new(fn, owner, s->options.bytes_max);
	char keys[24];

	if (!c)
		return e ? e : ERR_NOMEM;
	c->script = script;
	c->n = args.n + 1;
	(void)snprintf(keys, sizeof keys, "%zu", args.n_keys);
	scratch_call_arg(c, SCRATCH_TEXT(keys));
	for (size_t i = 0; i < args.n; i++)
		scratch_call_arg(c, args.list[i]);
	e = buf_err(&c->tail);
	if (!e)
		e = scratch_link_run(s, c, script->sha[0] == '\0');
	return call_sent(s, c, e);
}

/* ---- channels ---- */

enum err scratch_follow(struct scratch *s, const char *channel)
{
	bool first;
	enum err e = scratch_channels_add(&s->channels, channel, &first);

	if (e || !first || !s->up)
		return e;
	if (scratch_link_words(s, 2, (const char *const[]){"SUBSCRIBE", channel}) == ERR_OK)
		scratch_link_wants(s);
	s->following = true;
	return ERR_OK;
}

void scratch_unfollow(struct scratch *s, const char *channel)
{
	if (scratch_channels_drop(&s->channels, channel) && s->up &&
		scratch_link_words(s, 2, (const char *const[]){"UNSUBSCRIBE", channel}) == ERR_OK)
		scratch_link_wants(s);
}

#include "running.h"

#include "access/actor.h"
#include "access/authorise.h"
#include "access/authority.h"
#include "access/data_keys.h"
#include "access/holders.h"
#include "access/issuer_keys.h"
#include "access/key_watch.h"
#include "access/keys.h"
#include "access/reading.h"
#include "access/refusals.h"
#include "access/two_people.h"
#include "access/unproved.h"
#include "admin/metrics.h"
#include "connect/keys.h"
#include "connect/postgres.h"
#include "ground/clock.h"
#include "ground/files.h"
#include "ground/log.h"
#include "jobs/bulk.h"
#include "jobs/live.h"
#include "limits/limiter.h"
#include "limits/plans.h"
#include "loops.h"
#include "ports/loop.h"
#include "publish.h"
#include "queues.h"
#include "routes.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
	FILES_SPARE = 256,
	CONFIGS_MAX = 1024, /* those that reloads replaced are kept: see producer.h */
	STOP_WAIT_MS = 20000,
	STOP_STEP_MS = 10,
	ADMIN_PART = 8,
	PER_IP_SPARE = 16,
	ADMIN_CONNECTIONS_MAX = 1000,
	NO_BODY_BYTES = 1024, /* of a call that takes none: "{}", or a few blanks */
	FORM_BYTES = 16 << 10,
	WHY_MAX = 1024
};

/* What only this file needs. */
struct running {
	struct producer producer; /* first */
	pthread_t loop_thread;
	bool loop_started;
	struct loop_wake *end;
	struct config *configs[CONFIGS_MAX]; /* all that were in force */
	size_t configs_n;
};

static struct running *running_of(struct producer *p)
{
	return (struct running *)(void *)p;
}

/* ---- limits of this process ---- */

/* Each is a descriptor. */
static size_t connections_max(const struct config *c)
{
	size_t wanted = (size_t)c->producer.connections_max;
	size_t files = files_raise(wanted + FILES_SPARE);
	size_t possible = files > 2 * FILES_SPARE ? files - FILES_SPARE : files / 2;

	if (wanted > possible)
		log_warn(
			"fewer connections than configured: raise the limit of open files (ulimit -n)",
			LOG_INT("connections", (int64_t)possible),
			LOG_INT("wanted", (int64_t)wanted));
	return wanted > possible ? possible : wanted;
}

/* Fewer in proportion where there are fewer than configured; and never the last sixteenth, at which
 * who does nothing makes room (http/connections.h): no one address keeps all others out. */
static size_t connections_per_ip(const struct config *c, size_t possible, size_t connections)
{
	const size_t wanted = (size_t)c->producer.connections_max;
	const size_t asked = (size_t)c->producer.connections_per_ip;
	const size_t part = possible < wanted ? asked * possible / wanted : asked;
	const size_t most = connections - (connections + PER_IP_SPARE - 1) / PER_IP_SPARE;
	const size_t n = part < most ? part : most;

	return n > 0 ? n : 1; /* 0: the library would not count */
}

/* ---- what the servers ask ---- */

static size_t body_max(struct producer *p, enum route_body kind)
{
	const struct config *c = p->config;
	const size_t limits[] = {[ROUTE_NO_BODY] = NO_BODY_BYTES,
		[ROUTE_JSON] = (size_t)c->limits.body_bytes,
		[ROUTE_FORM] = FORM_BYTES,
		[ROUTE_BULK] = (size_t)c->limits.bulk_bytes,
		[ROUTE_OPENAI] = (size_t)c->limits.body_bytes};

	return limits[kind];
}

static size_t body_memory_max(struct producer *p)
{
	return (size_t)p->config->producer.body_memory_mb << 20;
}

static size_t body_share_max(struct producer *p)
{
	return body_memory_max(p) * (size_t)p->config->producer.body_tenant_percent / 100;
}

static size_t reply_memory_max(struct producer *p)
{
	return (size_t)p->config->producer.reply_memory_mb << 20;
}

static size_t reply_share_max(struct producer *p)
{
	return reply_memory_max(p) / 100 * (size_t)p->config->producer.reply_tenant_percent;
}

/* What must be known before a handler runs: to the audit, to a second person. */
static enum err before_handler(struct request *r, bool *ret_parked)
{
	const enum err e = reading_of_look(r, ret_parked);

	if (e)
		request_fail(r, e);
	return e || *ret_parked ? e : two_people_check(r, ret_parked);
}

/* Of every reply: sent, or lost. */
static void reply_over(struct producer *p, const struct request *r, int64_t us)
{
	metrics_count(p, r, us);
	refusals_note(p->refusals, r);
}

static const struct config_texts *trusted_proxies(struct producer *p)
{
	const struct config *c = p->config;

	return &c->producer.trusted_proxies;
}

static enum err server_start(struct producer *p, enum route_listener listener, size_t connections,
	size_t per_ip, struct server **ret_server)
{
	const struct config *c = p->config;
	struct server_options o = {
		.listen = listener == ROUTE_ADMIN ? c->producer.admin_listen : c->producer.listen,
		.listener = listener,
		.routes = producer_routes,
		.access = authorise_check,
		.note = before_handler,
		.done = reply_over,
		.producer = p,
		.threads = listener == ROUTE_ADMIN ? 1 : (unsigned)c->producer.threads,
		.connections_max = connections,
		.connections_per_ip = per_ip,
		.connection_bytes = (size_t)c->producer.connection_bytes,
		.header_ms = c->producer.header_timeout_ms,
		.body_ms = c->producer.body_timeout_ms,
		.reply_ms = c->producer.reply_timeout_ms,
		.idle_ms = c->producer.idle_timeout_ms,
		.body_max = body_max,
		.body_memory_max = body_memory_max,
		.body_share_max = body_share_max,
		.trusted_proxies = trusted_proxies,
		.reply_memory_max = reply_memory_max,
		.reply_share_max = reply_share_max};
	struct buf why;
	enum err e;

	buf_init(&why, WHY_MAX);
	e = server_open(&o, &why, ret_server);
	if (e)
		log_error("cannot serve", LOG_TEXT("why", why.len ? why.bytes : err_text(e)));
	else
		log_info("serving", LOG_TEXT("listen", o.listen),
			LOG_INT("port", server_port(*ret_server)));
	buf_clear(&why);
	return e;
}

/* An eighth of the connections is the operators', of whom there are few. */
static enum err servers_start(struct producer *p, size_t connections)
{
	const struct config *c = p->config;
	const size_t part = connections / ADMIN_PART;
	const size_t admin = part < ADMIN_CONNECTIONS_MAX ? part : ADMIN_CONNECTIONS_MAX;
	const size_t public = connections - part;
	enum err e = server_start(
		p, ROUTE_ADMIN, admin, connections_per_ip(c, connections, admin), &p->admin_server);

	return e ? e
		 : server_start(p, ROUTE_PUBLIC, public, connections_per_ip(c, connections, public),
			   &p->public_server);
}

/* ---- start ---- */

static void *loop_main(void *owner)
{
	loop_run(owner);
	return NULL;
}

static void loop_end(void *owner)
{
	struct running *x = owner;

	loop_stop(x->producer.loop);
}

static enum err record_start(struct producer *p)
{
	const struct config *c = p->config;
	size_t n = (size_t)c->producer.db_connections;
	struct record_options o = {
		.db = postgres_options(c, "longhaul_producer", "longhaul-producer"),
		.lanes = {[RECORD_WRITES] = n,
			[RECORD_READS] = (n + 1) / 2,
			[RECORD_SLOW] = 1,
			[RECORD_SECURITY] = 1,
			[RECORD_LARGE] = 1},
		.weight_max = (size_t)c->producer.batch_max,
		.pending_max = (size_t)c->producer.pending_max,
		.wait_ms = c->producer.commit_timeout_ms,
		.company_ms = (c->producer.batch_wait_us + 999) / 1000,
		.ops = producer_ops};
	enum err e;

	o.db.statement_ms = c->producer.commit_timeout_ms;
	o.db.transaction_ms = c->producer.commit_timeout_ms + 1000;
	e = record_open(&o, &p->record);
	if (e)
		log_error("the record cannot be used", LOG_ERR(e),
			LOG_TEXT("why", "database.url must be a libpq connection string"));
	return e;
}

/* All that waits for nobody yet. */
static enum err parts_make(struct running *x)
{
	struct producer *p = &x->producer;
	enum err e = actor_key_load(&x->configs[0]->audit, &p->pseudonyms);

	if (!e)
		e = keys_open(p->config, &p->keyring);
	if (!e)
		e = data_keys_new(&p->data_keys);
	if (!e)
		e = loop_new(&p->loop);
	if (!e)
		e = loop_wake_new(p->loop, loop_end, x, &x->end);
	if (!e)
		e = metrics_new(&p->metrics);
	if (!e)
		e = queues_new(p, &p->queues);
	if (!e)
		e = authority_new(p, &p->authority);
	if (!e)
		e = issuer_keys_new(p, &p->issuer_keys);
	if (!e)
		e = unproved_new(p, &p->unproved);
	if (!e)
		e = keys_new(p, &p->keys);
	if (!e)
		e = holders_new(p, &p->holders);
	if (!e)
		e = plans_new(p, &p->plans);
	if (!e)
		e = limiter_new(p, &p->limiter);
	if (!e)
		e = reading_new(&p->reading);
	if (!e)
		e = live_new(p, &p->live);
	return e;
}

/* The lanes first: what is begun behind them reads the record. */
static enum err parts_begin(struct producer *p)
{
	enum err e = record_start(p);

	if (!e)
		e = loops_new(p, &p->loops);
	if (!e)
		e = publish_new(p, &p->publish);
	if (!e)
		e = queues_start(p->queues);
	if (!e)
		e = authority_start(p->authority);
	if (!e)
		e = holders_start(p->holders);
	if (!e)
		e = plans_start(p->plans);
	if (!e)
		e = limiter_start(p->limiter);
	if (!e)
		e = live_start(p->live);
	if (!e)
		e = key_watch_new(p, &p->key_watch);
	if (!e)
		e = refusals_new(p, &p->refusals);
	if (!e)
		e = bulk_new(p, &p->bulk);
	return e;
}

static enum err parts_start(struct running *x)
{
	struct producer *p = &x->producer;
	enum err e = parts_make(x);

	if (!e)
		e = parts_begin(p);
	if (e)
		return e;
	x->loop_started = pthread_create(&x->loop_thread, NULL, loop_main, p->loop) == 0;
	return x->loop_started ? ERR_OK : ERR_SYSTEM;
}

enum err running_start(struct config *config, struct producer **ret_producer)
{
	struct running *x = calloc(1, sizeof *x);
	struct producer *p = &x->producer;
	enum err e;

	if (!x) {
		config_release(config);
		return ERR_NOMEM;
	}
	x->configs[x->configs_n++] = config;
	p->config = config;
	e = parts_start(x);
	if (!e)
		e = servers_start(p, connections_max(config));
	if (e)
		running_stop(p);
	else
		*ret_producer = p;
	return e;
}

bool running_may_configure(struct producer *p)
{
	return running_of(p)->configs_n < CONFIGS_MAX;
}

void running_configure(struct producer *p, struct config *config)
{
	struct running *x = running_of(p);

	x->configs[x->configs_n++] = config;
	p->config = config;
}

/* ---- stop ---- */

void running_drain(struct producer *p)
{
	p->draining = true;
	server_quiesce(p->public_server);
	live_quiesce(p->live);
}

bool running_busy(const struct producer *p)
{
	return server_busy(p->public_server) > 0 || record_pending(p->record) > 0;
}

/* The library must not be stopped while a connection is suspended: each is resumed by a lane, by
 * the live loop or by its own deadline, so this ends. */
static void requests_end(const struct producer *p)
{
	const struct timespec pause = {.tv_nsec = STOP_STEP_MS * 1000000L};
	int64_t until = clock_ms() + STOP_WAIT_MS;

	while (clock_ms() < until && ((p->public_server && server_busy(p->public_server)) ||
					     (p->admin_server && server_busy(p->admin_server))))
		(void)nanosleep(&pause, NULL);
}

static void parts_free(struct running *x)
{
	struct producer *p = &x->producer;

	publish_free(p->publish);
	live_free(p->live);
	queues_free(p->queues);
	reading_free(p->reading);
	refusals_free(p->refusals);
	limiter_free(p->limiter);
	plans_free(p->plans);
	holders_free(p->holders);
	keys_free(p->keys);
	key_watch_free(p->key_watch);
	data_keys_free(p->data_keys);
	keyring_free(p->keyring);
	issuer_keys_free(p->issuer_keys);
	unproved_free(p->unproved);
	authority_free(p->authority);
	metrics_free(p->metrics);
	loops_free(p->loops);
	loop_wake_free(x->end);
	loop_free(p->loop);
}

void running_stop(struct producer *p)
{
	struct running *x = running_of(p);

	if (!p)
		return;
	p->draining = true;
	if (p->live && x->loop_started)
		live_quiesce(p->live);
	requests_end(p);
	server_close(p->public_server);
	server_close(p->admin_server);
	bulk_free(p->bulk);
	if (x->loop_started) {
		loop_wake_send(x->end);
		(void)pthread_join(x->loop_thread, NULL);
	}
	record_close(p->record);
	limiter_stop(p->limiter);
	if (p->live)
		live_stop(p->live);
	parts_free(x);
	for (size_t i = 0; i < x->configs_n; i++)
		config_release(x->configs[i]);
	digest_wipe(&p->pseudonyms, sizeof p->pseudonyms);
	free(x);
}

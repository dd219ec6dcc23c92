#include "delivery/post.h"

#include "config/config.h"
#include "delivery/attempt.h"
#include "domain/retry.h"
#include "ground/clock.h"
#include "ground/digest.h"
#include "ports/http.h"
#include "ports/loop.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* An origin that is full is asked again after so long, plus jitter. */
enum { DEFER_MS = 3000 };

static const struct config *config_of(const struct post *post)
{
	return *post->posts->host->config;
}

static uint32_t chance(void)
{
	uint32_t value;

	digest_random(&value, sizeof value);
	return value;
}

/* ---- all of them ---- */

enum err posts_init(struct posts *p)
{
	enum err e;

	p->n = (size_t)(*p->host->config)->webhook.max_in_flight;
	p->all = calloc(p->n, sizeof *p->all);
	if (!p->all)
		return ERR_NOMEM;
	for (size_t i = 0; i < p->n; i++) {
		p->all[i].next = p->free;
		p->free = &p->all[i];
	}
	e = origins_new(p->n, &p->origins);
	if (!e)
		e = origins_new(p->n, &p->tenants);
	return e;
}

void posts_clear(struct posts *p)
{
	for (size_t i = 0; p->all && i < p->n; i++)
		webhook_request_clear(&p->all[i].request);
	origins_free(p->origins);
	origins_free(p->tenants);
	free(p->all);
}

size_t posts_room(const struct posts *p)
{
	return p->n - p->under_way;
}

void posts_refresh(struct posts *p)
{
	const struct config *config = *p->host->config;

	if (p->networks_of == config)
		return;
	p->networks_n = 0;
	for (size_t i = 0; i < config->webhook.allow_networks.n && i < POST_NETWORKS_MAX; i++)
		if (egress_net_parse(
			    config->webhook.allow_networks.items[i], &p->networks[p->networks_n]))
			p->networks_n++;
	p->networks_of = config;
}

void posts_drop(struct posts *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->all[i].call)
			http_cancel(p->all[i].call);
		p->all[i].call = NULL;
	}
}

struct post *post_take(struct posts *p, const struct delivery *d)
{
	struct post *post = p->free;

	if (!post)
		return NULL;
	p->free = post->next;
	p->under_way++;
	*post = (struct post){
		.posts = p,
		.job = d->job,
		.attempt = d->attempt,
		.claimed_ms = loop_now_ms(p->host->loop),
		.end = {.tenant = d->tenant, .id = d->id, .fence = d->fence},
	};
	post->end.address = post->address;
	return post;
}

void post_give_back(struct post *post)
{
	struct posts *p = post->posts;

	webhook_request_clear(&post->request);
	post->next = p->free;
	p->free = post;
	p->under_way--;
}

/* ---- its place ---- */

static void post_leave(struct post *post)
{
	char tenant[ID_TEXT_MAX];

	if (!post->entered)
		return;
	id_format("tnt", post->end.tenant, tenant);
	origins_leave(post->posts->tenants, tenant);
	origins_leave(post->posts->origins, post->request.origin);
	post->entered = false;
}

/* A tenant gets a further place only while as many are left for others: so no number of silent
 * receivers takes the last one. */
static bool post_enter(struct post *post)
{
	struct posts *p = post->posts;
	const size_t cap = (size_t)config_of(post)->webhook.per_origin_in_flight;
	char tenant[ID_TEXT_MAX];

	id_format("tnt", post->end.tenant, tenant);
	if (!origins_enter(p->tenants, tenant, posts_room(p) + 1))
		return false;
	post->entered = origins_enter(p->origins, post->request.origin, cap);
	if (!post->entered)
		origins_leave(p->tenants, tenant);
	return post->entered;
}

static void post_ended(struct post *post)
{
	post_leave(post);
	post->posts->ended(post->posts->owner, post);
}

/* ---- one attempt ---- */

static void attempt_ended(struct post *post, enum err err, int status)
{
	const struct config *config = config_of(post);
	const struct delivery_schedule schedule = {
		config->webhook.schedule_s.items, config->webhook.schedule_s.n};
	const struct delivery_attempt attempt = {
		.err = err,
		.status = status,
		.number = post->attempt,
		.retry_after_ms = post->retry_after_ms,
		.chance = chance(),
	};
	struct delivery_verdict verdict = delivery_judge(&attempt, &schedule);

	post->end.as = verdict.as;
	post->end.delay_ms = verdict.delay_ms;
	post->end.error = verdict.error;
	post->end.status = status;
	post_ended(post);
}

static void deferred(struct post *post)
{
	post->end.as = DELIVERY_DEFERRED;
	post->end.delay_ms = DEFER_MS + (int64_t)chance() % DEFER_MS;
	post_ended(post);
}

static void on_header(void *owner, const char *name, size_t name_len, const char *value, size_t len)
{
	struct post *post = owner;

	if (http_header_is(name, name_len, "Retry-After"))
		post->retry_after_ms = retry_after_parse(value, len, clock_record_ms());
}

static void on_end(void *owner, const struct http_end *end)
{
	struct post *post = owner;
	/* A reply that is too long was still a reply. */
	enum err err = end->err == ERR_UP_TOO_LARGE && end->status ? ERR_OK : end->err;

	post->call = NULL;
	post->end.latency_ms = (int32_t)(end->total_us / 1000);
	attempt_ended(post, err, end->status);
}

/* The address policy, asked before a socket is made; notes which address it was, for the log. */
static bool may_reach(const void *policy, const struct sockaddr *address)
{
	struct post *post = (struct post *)policy;
	struct posts *p = post->posts;
	socklen_t len = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in);

	if (getnameinfo(address, len, post->address, sizeof post->address, NULL, 0,
		    NI_NUMERICHOST) != 0)
		post->address[0] = '\0';
	return egress_allowed(address, p->networks, p->networks_n);
}

static enum err call_start(struct post *post)
{
	static const struct http_events events = {.header = on_header, .end = on_end};
	const struct config *config = config_of(post);
	const struct http_request request = {
		.method = "POST",
		.url = post->request.url.bytes,
		.headers = post->request.list,
		.body = post->request.body.bytes,
		.body_len = post->request.body.len,
		.connect_ms = config->webhook.timeout_ms,
		.total_ms = config->webhook.timeout_ms,
		.reply_max = (size_t)config->webhook.response_bytes,
		.may_reach = may_reach,
		.policy = post,
		.https_only = !config->webhook.allow_http,
	};

	return http_start(post->posts->host->http, &request, &events, post, &post->call);
}

void post_start(struct post *post, const struct delivery *d)
{
	struct posts *p = post->posts;
	const struct config *config = config_of(post);
	const struct webhook_scene scene = {
		p->host->keyring, config->webhook.allow_http, clock_record_ms()};
	enum err err = webhook_request_write(d, &scene, &post->request);

	if (err != ERR_OK) {
		attempt_ended(post, err, 0);
		return;
	}
	if (!post_enter(post)) {
		deferred(post);
		return;
	}
	err = call_start(post);
	if (err == ERR_UNAVAILABLE)
		deferred(post);
	else if (err != ERR_OK)
		attempt_ended(post, err, 0);
}

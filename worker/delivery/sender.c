#include "delivery/sender.h"

#include "config/config.h"
#include "delivery/attempt.h"
#include "delivery/origins.h"
#include "delivery/webhook_request.h"
#include "domain/egress.h"
#include "domain/retry.h"
#include "ground/clock.h"
#include "ground/digest.h"
#include "ground/log.h"
#include "ports/http.h"
#include "ports/loop.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLAIM_MAX = 64,		/* rows at a time */
	LOOK_EVERY_MS = 500,	/* while nothing is due */
	AGAIN_MS = 200,		/* after Postgres refused */
	LEASE_EXTRA_MS = 15000, /* beyond the call's own time: to write down what became of it */
	DEFER_MS = 3000, /* an origin that is full is asked again after so long, plus jitter */
	NETWORKS_MAX = 1000
};

/* One delivery under way, from its claim to the record's acknowledgement. */
struct post {
	struct sender *sender;
	struct post *next; /* among the free, or among the ended */
	struct id job;
	struct webhook_request request;
	struct http_call *call;
	bool entered; /* holds a place of its origin and of its tenant */
	int attempt;
	int64_t retry_after_ms;
	int64_t claimed_ms;
	char address[64];
	struct delivery_end end;
};

struct sender {
	struct sender_host host;
	struct loop_timer *look;  /* claims */
	struct loop_timer *flush; /* tells the record */
	struct origins *origins, *tenants;
	struct post *posts, *free, *ended;
	size_t posts_n, under_way;
	struct id turn; /* see delivery_ask */
	bool claiming, telling, stopped, dropped;
	struct delivery_end *told[CLAIM_MAX]; /* the batch that is being told */
	struct post *told_posts[CLAIM_MAX];
	struct egress_net networks[NETWORKS_MAX];
	size_t networks_n;
	const struct config *networks_of; /* which configuration they were read from */
	struct sender_tally tally;
};

static const struct config *config_of(const struct sender *p)
{
	return *p->host.config;
}

static uint32_t chance(void)
{
	uint32_t value;

	digest_random(&value, sizeof value);
	return value;
}

/* ---- slots ---- */

static struct post *post_take(struct sender *p, const struct delivery *d)
{
	struct post *post = p->free;

	if (!post)
		return NULL;
	p->free = post->next;
	p->under_way++;
	*post = (struct post){
		.sender = p,
		.job = d->job,
		.attempt = d->attempt,
		.claimed_ms = loop_now_ms(p->host.loop),
		.end = {.tenant = d->tenant, .id = d->id, .fence = d->fence},
	};
	post->end.address = post->address;
	return post;
}

static void post_give_back(struct post *post)
{
	struct sender *p = post->sender;

	webhook_request_clear(&post->request);
	post->next = p->free;
	p->free = post;
	p->under_way--;
}

static size_t slots_free(const struct sender *p)
{
	return p->posts_n - p->under_way;
}

/* ---- telling the record ---- */

static void tell(void *owner);

static void post_log(const struct post *post)
{
	log_info("webhook", LOG_ID("delivery", "evt", post->end.id),
		LOG_ID("job", "job", post->job), LOG_INT("attempt", post->attempt),
		LOG_INT("status", post->end.status), LOG_ERR(post->end.error),
		LOG_INT("again_ms", post->end.delay_ms), LOG_ERR(post->end.outcome));
}

static void count(struct sender *p, const struct post *post)
{
	uint64_t *const counters[] = {
		[DELIVERY_DONE] = &p->tally.delivered,
		[DELIVERY_AGAIN] = &p->tally.failed,
		[DELIVERY_GIVEN_UP] = &p->tally.given_up,
		[DELIVERY_DEFERRED] = &p->tally.deferred,
	};

	if (post->end.outcome == ERR_LOST)
		p->tally.lost++;
	else
		++*counters[post->end.as];
}

/* Not told: kept and tried again, as long as the lease may still be ours. */
static void untold(struct sender *p, struct post *post)
{
	int64_t lease_ms = config_of(p)->webhook.timeout_ms + LEASE_EXTRA_MS;

	if (loop_now_ms(p->host.loop) - post->claimed_ms > lease_ms) {
		p->tally.lost++;
		post_give_back(post);
		return;
	}
	post->next = p->ended;
	p->ended = post;
}

static void on_told(void *ctx, enum err e, struct delivery_end *const *batch, size_t n)
{
	struct sender *p = ctx;

	p->telling = false;
	for (size_t i = 0; i < n; i++) {
		struct post *post = p->told_posts[i];

		if (e != ERR_OK) {
			untold(p, post);
			continue;
		}
		if (post->end.as != DELIVERY_DEFERRED)
			post_log(post);
		count(p, post);
		post_give_back(post);
	}
	if (p->ended)
		loop_timer_start(p->flush, e == ERR_OK ? 0 : AGAIN_MS);
	if (e == ERR_OK && !p->stopped && !p->claiming)
		loop_timer_start(p->look, 1);
}

static void tell(void *owner)
{
	struct sender *p = owner;
	size_t n = 0;
	enum err err;

	if (p->telling || !p->ended)
		return;
	while (p->ended && n < CLAIM_MAX) {
		struct post *post = p->ended;

		p->ended = post->next;
		p->told_posts[n] = post;
		p->told[n++] = &post->end;
	}
	p->telling = true;
	err = delivery_end(p->host.db, *p->host.worker, p->told, n, on_told, p);
	if (err != ERR_OK)
		on_told(p, err, p->told, n);
}

static void post_leave(struct post *post)
{
	char tenant[ID_TEXT_MAX];

	if (!post->entered)
		return;
	id_format("tnt", post->end.tenant, tenant);
	origins_leave(post->sender->tenants, tenant);
	origins_leave(post->sender->origins, post->request.origin);
	post->entered = false;
}

/* A tenant gets a further place only while as many are left for others: so no number of silent
 * receivers takes the last one. */
static bool post_enter(struct post *post)
{
	struct sender *p = post->sender;
	const size_t cap = (size_t)config_of(p)->webhook.per_origin_in_flight;
	char tenant[ID_TEXT_MAX];

	id_format("tnt", post->end.tenant, tenant);
	if (!origins_enter(p->tenants, tenant, slots_free(p) + 1))
		return false;
	post->entered = origins_enter(p->origins, post->request.origin, cap);
	if (!post->entered)
		origins_leave(p->tenants, tenant);
	return post->entered;
}

static void post_ended(struct post *post)
{
	struct sender *p = post->sender;

	post_leave(post);
	post->next = p->ended;
	p->ended = post;
	if (!p->telling && !loop_timer_active(p->flush))
		loop_timer_start(p->flush, 0);
}

/* ---- one attempt ---- */

static void attempt_ended(struct post *post, enum err err, int status)
{
	const struct config *config = config_of(post->sender);
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

	if (name_len == 11 && strncasecmp(name, "retry-after", 11) == 0)
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
	struct sender *p = post->sender;
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
	const struct config *config = config_of(post->sender);
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

	return http_start(post->sender->host.http, &request, &events, post, &post->call);
}

static void post_start(struct post *post, const struct delivery *d)
{
	struct sender *p = post->sender;
	const struct config *config = config_of(p);
	const struct webhook_scene scene = {
		p->host.keyring, config->webhook.allow_http, clock_record_ms()};
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
		attempt_ended(post, err == ERR_INVALID_FIELD ? ERR_RECEIVER_URL : err, 0);
}

/* ---- claiming ---- */

static void look_in(struct sender *p, int64_t ms)
{
	if (!p->stopped)
		loop_timer_start(p->look, ms);
}

static void on_claimed(void *ctx, enum err e, const struct delivery *rows, size_t n)
{
	struct sender *p = ctx;

	p->claiming = false;
	if (e != ERR_OK || p->dropped) {
		look_in(p, LOOK_EVERY_MS);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct post *post = post_take(p, &rows[i]);

		if (post)
			post_start(post, &rows[i]);
	}
	/* Full slots look again when one gets free; the jitter keeps workers apart. */
	look_in(p, n > 0 && slots_free(p) > 0 ? 1 : LOOK_EVERY_MS - chance() % 100);
}

/* Networks are read again when the configuration is another one. */
static void networks_refresh(struct sender *p)
{
	const struct config *config = config_of(p);

	if (p->networks_of == config)
		return;
	p->networks_n = 0;
	for (size_t i = 0; i < config->webhook.allow_networks.n && i < NETWORKS_MAX; i++)
		if (egress_net_parse(
			    config->webhook.allow_networks.items[i], &p->networks[p->networks_n]))
			p->networks_n++;
	p->networks_of = config;
}

static void on_look(void *owner)
{
	struct sender *p = owner;
	const struct delivery_ask ask = {
		.max = slots_free(p) < CLAIM_MAX ? slots_free(p) : CLAIM_MAX,
		.lease_ms = config_of(p)->webhook.timeout_ms + LEASE_EXTRA_MS,
		.turn = &p->turn};

	networks_refresh(p);
	if (p->stopped || p->claiming)
		return;
	if (ask.max == 0) {
		look_in(p, LOOK_EVERY_MS);
		return;
	}
	p->claiming = delivery_claim(p->host.db, *p->host.worker, &ask, on_claimed, p) == ERR_OK;
	if (!p->claiming)
		look_in(p, LOOK_EVERY_MS);
}

/* ---- birth and death ---- */

static enum err start(struct sender *p)
{
	enum err err;

	p->posts = calloc(p->posts_n, sizeof *p->posts);
	if (!p->posts)
		return ERR_NOMEM;
	for (size_t i = 0; i < p->posts_n; i++) {
		p->posts[i].next = p->free;
		p->free = &p->posts[i];
	}
	err = origins_new(p->posts_n, &p->origins);
	if (err == ERR_OK)
		err = origins_new(p->posts_n, &p->tenants);
	if (err == ERR_OK)
		err = loop_timer_new(p->host.loop, on_look, p, &p->look);
	if (err == ERR_OK)
		err = loop_timer_new(p->host.loop, tell, p, &p->flush);
	return err;
}

enum err sender_new(const struct sender_host *host, struct sender **ret_sender)
{
	struct sender *p = calloc(1, sizeof *p);
	enum err err;

	if (!p)
		return ERR_NOMEM;
	p->host = *host;
	p->posts_n = (size_t)config_of(p)->webhook.max_in_flight;
	err = start(p);
	if (err != ERR_OK) {
		sender_free(p);
		return err;
	}
	look_in(p, 1);
	*ret_sender = p;
	return ERR_OK;
}

void sender_stop(struct sender *sender)
{
	sender->stopped = true;
	loop_timer_stop(sender->look);
}

bool sender_idle(const struct sender *sender)
{
	return sender->under_way == 0 && !sender->claiming;
}

void sender_drop(struct sender *sender)
{
	struct sender *p = sender;

	if (!p)
		return;
	sender_stop(p);
	p->dropped = true;
	for (size_t i = 0; i < p->posts_n; i++) {
		if (p->posts[i].call)
			http_cancel(p->posts[i].call);
		p->posts[i].call = NULL;
	}
}

void sender_free(struct sender *sender)
{
	struct sender *p = sender;

	if (!p)
		return;
	loop_timer_free(p->look);
	loop_timer_free(p->flush);
	for (size_t i = 0; p->posts && i < p->posts_n; i++)
		webhook_request_clear(&p->posts[i].request);
	origins_free(p->origins);
	origins_free(p->tenants);
	free(p->posts);
	free(p);
}

void sender_tally_read(const struct sender *sender, struct sender_tally *ret_tally)
{
	*ret_tally = sender->tally;
	ret_tally->under_way = sender->under_way;
}

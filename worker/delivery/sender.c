#include "delivery/sender.h"

#include "config/config.h"
#include "delivery/post.h"
#include "ground/digest.h"
#include "ground/log.h"
#include "ports/loop.h"

#include <stdlib.h>

enum {
	CLAIM_MAX = 64,		/* rows at a time */
	LOOK_EVERY_MS = 500,	/* while nothing is due */
	AGAIN_MS = 200,		/* after Postgres refused */
	LEASE_EXTRA_MS = 15000, /* beyond the call's own time: to write down what became of it */
	LOOK_JITTER_MS = 100	/* keeps workers apart */
};

struct sender {
	struct sender_host host;
	struct loop_timer *look;  /* claims */
	struct loop_timer *flush; /* tells the record */
	struct posts posts;
	struct post *ended; /* the record is to be told of them */
	struct id turn;	    /* see delivery_ask */
	bool claiming, telling, stopped, dropped;
	struct delivery_end *told[CLAIM_MAX]; /* the batch that is being told */
	struct post *told_posts[CLAIM_MAX];
	struct sender_tally tally;
};

static const struct config *config_of(const struct sender *p)
{
	return *p->host.config;
}

/* ---- telling the record ---- */

static void post_log(const struct post *post)
{
	log_info("webhook", LOG_ID("delivery", "dlv", post->end.id),
		LOG_ID("job", "job", post->job), LOG_INT("attempt", post->attempt),
		LOG_INT("status", post->end.status), LOG_ERR(post->end.error),
		LOG_INT("again_ms", post->end.delay_ms),
		LOG_TEXT("told", err_code(post->end.outcome)));
}

static void count(struct sender *p, const struct post *post)
{
	uint64_t *const counters[] = {
		[DELIVERY_DONE] = &p->tally.delivered,
		[DELIVERY_AGAIN] = &p->tally.again,
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
		if (post->end.as != DELIVERY_DEFERRED || post->end.error != ERR_OK)
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

static void on_ended(void *owner, struct post *post)
{
	struct sender *p = owner;

	post->next = p->ended;
	p->ended = post;
	if (!p->telling && !loop_timer_active(p->flush))
		loop_timer_start(p->flush, 0);
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
	uint32_t chance;

	p->claiming = false;
	if (e != ERR_OK || p->dropped) {
		look_in(p, LOOK_EVERY_MS);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct post *post = post_take(&p->posts, &rows[i]);

		if (post)
			post_start(post, &rows[i]);
	}
	/* Full slots look again when one gets free. */
	digest_random(&chance, sizeof chance);
	look_in(p,
		n > 0 && posts_room(&p->posts) > 0 ? 1 : LOOK_EVERY_MS - chance % LOOK_JITTER_MS);
}

static void on_look(void *owner)
{
	struct sender *p = owner;
	const size_t room = posts_room(&p->posts);
	const struct delivery_ask ask = {.max = room < CLAIM_MAX ? room : CLAIM_MAX,
		.lease_ms = config_of(p)->webhook.timeout_ms + LEASE_EXTRA_MS,
		.turn = &p->turn};

	posts_refresh(&p->posts);
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

	p->posts.host = &p->host;
	p->posts.ended = on_ended;
	p->posts.owner = p;
	err = posts_init(&p->posts);
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
	return sender->posts.under_way == 0 && !sender->claiming;
}

void sender_drop(struct sender *sender)
{
	struct sender *p = sender;

	if (!p)
		return;
	sender_stop(p);
	p->dropped = true;
	posts_drop(&p->posts);
}

void sender_free(struct sender *sender)
{
	struct sender *p = sender;

	if (!p)
		return;
	loop_timer_free(p->look);
	loop_timer_free(p->flush);
	posts_clear(&p->posts);
	free(p);
}

void sender_tally_read(const struct sender *sender, struct sender_tally *ret_tally)
{
	*ret_tally = sender->tally;
	ret_tally->under_way = sender->posts.under_way;
}

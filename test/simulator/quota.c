#include "simulator/quota.h"

#include <stdlib.h>

enum { WINDOW_MS = 60000 };

void quotas_clear(struct quotas *q)
{
	for (size_t i = 0; i < QUOTA_MODELS; i++)
		free(q->logs[i].calls);
	*q = (struct quotas){0};
}

static struct quota_log *log_get(struct quotas *q, uint64_t model)
{
	for (size_t i = 0; i < QUOTA_MODELS; i++) {
		struct quota_log *log = &q->logs[i];

		if (log->model == model)
			return log;
		if (log->model)
			continue;
		log->calls = calloc(QUOTA_CALLS_MAX, sizeof(log->calls[0]));
		if (!log->calls)
			return NULL;
		log->model = model;
		return log;
	}
	return NULL;
}

static struct quota_call *call_at(struct quota_log *log, size_t i)
{
	return &log->calls[(log->first + i) % QUOTA_CALLS_MAX];
}

static void forget(struct quota_log *log, int64_t before_us)
{
	while (log->n && call_at(log, 0)->at_us <= before_us) {
		log->tokens -= call_at(log, 0)->tokens;
		log->first = (log->first + 1) % QUOTA_CALLS_MAX;
		log->n--;
	}
}

/* When the oldest calls will have left that stand in the way. */
static int64_t wait_ms(struct quota_log *log, double over_calls, double over_tokens, int64_t end_us)
{
	int64_t at_us = 0;

	for (size_t i = 0; i < log->n && (over_calls > 0 || over_tokens > 0); i++) {
		over_calls -= 1;
		over_tokens -= call_at(log, i)->tokens;
		at_us = call_at(log, i)->at_us - end_us;
	}
	return at_us / 1000 + 1;
}

bool quotas_pass(struct quotas *q, uint64_t model, const struct behaviour *how, double tokens,
	int64_t now_us, struct quota_left *ret_left)
{
	struct quota_log *log = how->rpm > 0 || how->tpm > 0 ? log_get(q, model) : NULL;
	const int64_t window_us = (int64_t)(how->window_ms > 0 ? how->window_ms : WINDOW_MS) * 1000;
	double over_calls, over_tokens;

	*ret_left = (struct quota_left){-1, -1, 0};
	if (!log)
		return true;
	forget(log, now_us - window_us);
	over_calls = how->rpm > 0 ? (double)log->n + 1 - how->rpm : 0;
	over_tokens = how->tpm > 0 ? log->tokens + tokens - how->tpm : 0;
	if (over_calls > 0 || over_tokens > 0 || log->n == QUOTA_CALLS_MAX) {
		ret_left->wait_ms = wait_ms(log, over_calls, over_tokens, now_us - window_us);
	} else {
		*call_at(log, log->n++) = (struct quota_call){now_us, tokens};
		log->tokens += tokens;
	}
	if (how->rpm > 0)
		ret_left->requests = how->rpm - (double)log->n;
	if (how->tpm > 0)
		ret_left->tokens = how->tpm - log->tokens;
	return ret_left->wait_ms == 0;
}

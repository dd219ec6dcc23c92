#include "simulator/calls.h"

#include "ground/clock.h"
#include "simulator/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { MODELS_MAX = 1024, REFUSED_SLOTS = 1 << 16, REFUSED_WAYS = 4 };

struct refused {
	uint64_t key;
	unsigned times;
};

struct calls {
	struct received_call *ring; /* mapped: pages appear as they are used */
	size_t max;
	uint64_t next;	  /* number of the next call */
	uint64_t first;	  /* the oldest that is kept */
	uint64_t emptied; /* numbers below were deleted, not dropped */
	char *models[MODELS_MAX];
	size_t models_n;
	struct refused refused[REFUSED_SLOTS];
	unsigned victim;
};

static const char *const outcome_names[] = {
#define OUTCOME_TEXT(name) #name,
	OUTCOME_TABLE(OUTCOME_TEXT)
#undef OUTCOME_TEXT
};

enum err calls_open(size_t max, struct calls **ret_calls)
{
	struct calls *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->max = max;
	c->ring = mmap(NULL, max * sizeof(*c->ring), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->ring == MAP_FAILED) {
		free(c);
		return ERR_NOMEM;
	}
	*ret_calls = c;
	return ERR_OK;
}

void calls_close(struct calls *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->models_n; i++)
		free(c->models[i]);
	munmap(c->ring, c->max * sizeof(*c->ring));
	free(c);
}

/* Models are few; beyond the limit they share the last name. */
static uint16_t model_index(struct calls *c, const char *model)
{
	size_t i;

	for (i = c->models_n; i-- > 0;)
		if (strcmp(c->models[i], model) == 0)
			return (uint16_t)i;
	i = c->models_n < MODELS_MAX ? c->models_n : MODELS_MAX - 1;
	if (i == c->models_n && (c->models[i] = strdup(i + 1 < MODELS_MAX ? model : "(many)")))
		c->models_n++;
	return (uint16_t)i;
}

int64_t calls_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What fits, ended by NUL. */
static void slice_keep(struct slice from, char *to, size_t room)
{
	const size_t len = from.len < room ? from.len : room - 1;

	memcpy(to, from.at, len);
	to[len] = '\0';
}

uint64_t calls_begin(struct calls *c, const struct request *r, const char *model)
{
	uint64_t number = c->next++;
	struct received_call *call = &c->ring[number % c->max];

	if (c->next - c->first > c->max)
		c->first = c->next - c->max;
	*call = (struct received_call){.at_us = calls_now_us(), .attempt = (uint16_t)r->attempt};
	call->model = model_index(c, model);
	slice_keep(r->job, call->job, CALL_JOB_MAX);
	slice_keep(r->key, call->key, CALL_KEY_MAX);
	return number;
}

struct received_call *calls_get(struct calls *c, uint64_t number)
{
	return number >= c->first && number < c->next ? &c->ring[number % c->max] : NULL;
}

void calls_empty(struct calls *c)
{
	madvise(c->ring, c->max * sizeof(*c->ring), MADV_DONTNEED);
	c->first = c->emptied = c->next;
	memset(c->refused, 0, sizeof(c->refused));
}

unsigned calls_refused(struct calls *c, uint64_t key)
{
	struct refused *row = &c->refused[key % (REFUSED_SLOTS / REFUSED_WAYS) * REFUSED_WAYS];
	struct refused *slot = NULL;

	for (int i = 0; i < REFUSED_WAYS; i++) {
		if (row[i].times > 0 && row[i].key == key)
			return row[i].times++;
		if (!slot && row[i].times == 0)
			slot = &row[i];
	}
	if (!slot)
		slot = &row[c->victim++ % REFUSED_WAYS];
	*slot = (struct refused){key, 1};
	return 0;
}

static enum err call_append(const struct calls *c, uint64_t number, struct buf *out)
{
	const struct received_call *call = &c->ring[number % c->max];
	const char *model = call->model < c->models_n ? c->models[call->model] : "";
	char time[CLOCK_TEXT_MAX];

	clock_format(call->at_us / 1000, time);
	buf_printf(out, "{\"number\":%llu,\"time\":\"%s\",\"at_us\":%lld,\"model\":",
		(unsigned long long)number, time, (long long)call->at_us);
	buf_json(out, model, strlen(model));
	buf_text(out, ",\"job\":");
	buf_json(out, call->job, strlen(call->job));
	buf_text(out, ",\"key\":");
	buf_json(out, call->key, strlen(call->key));
	buf_printf(out, ",\"first_us\":%lld,\"ended_us\":%lld", (long long)call->first_us,
		(long long)call->ended_us);
	return buf_printf(out,
		",\"attempt\":%u,\"status\":%u,\"outcome\":\"%s\",\"hung_up\":%s,\"tokens\":%u}",
		call->attempt, call->status, outcome_names[call->outcome],
		call->hung_up ? "true" : "false", call->tokens);
}

static bool job_is(const struct received_call *call, struct slice job)
{
	return job.len == 0 || slice_is(job, call->job);
}

enum err calls_list(const struct calls *c, const struct calls_query *q, struct buf *out)
{
	uint64_t number = q->after > c->first ? q->after : c->first;
	size_t n = 0;

	buf_text(out, "{\"object\":\"list\",\"data\":[");
	for (; number < c->next && n < q->limit && buf_err(out) == ERR_OK; number++) {
		if (!job_is(&c->ring[number % c->max], q->job))
			continue;
		if (n++ > 0)
			buf_char(out, ',');
		call_append(c, number, out);
	}
	return buf_printf(out, "],\"next\":%llu,\"has_more\":%s,\"total\":%llu,\"dropped\":%llu}",
		(unsigned long long)number, number < c->next ? "true" : "false",
		(unsigned long long)(c->next - c->first),
		(unsigned long long)(c->first - c->emptied));
}

enum err calls_summary(const struct calls *c, struct buf *out)
{
	unsigned long long counts[OUTCOME_COUNT_] = {0};

	for (uint64_t number = c->first; number < c->next; number++)
		counts[c->ring[number % c->max].outcome]++;
	buf_printf(out, "{\"total\":%llu,\"dropped\":%llu",
		(unsigned long long)(c->next - c->first),
		(unsigned long long)(c->first - c->emptied));
	for (int i = 0; i < OUTCOME_COUNT_; i++)
		buf_printf(out, ",\"%s\":%llu", outcome_names[i], counts[i]);
	return buf_char(out, '}');
}

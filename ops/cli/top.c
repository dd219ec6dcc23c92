/* What goes on now: each of the operators' lists as a table, again and again. */
#include "client.h"
#include "handlers.h"
#include "listing.h"
#include "output.h"
#include "upstream_health.h"

#include "ground/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { EVERY_S = 2, LINES_USUAL = 24, COLUMNS_USUAL = 80, RATE_TEXT_MAX = 32 };

static const struct column queue_columns[] = {
	{"QUEUE", "name", COLUMN_PLAIN},
	{"QUEUED", "queued", COLUMN_PLAIN},
	{"OLDEST", "oldest_at", COLUMN_AGE},
	{"WAITING", "waiting", COLUMN_PLAIN},
	{"RUNNING", "running", COLUMN_PLAIN},
	{"CONCURRENCY", "concurrency", COLUMN_LIMIT},
	{"RATE", "rate", COLUMN_LIMIT},
	{"WEIGHT", "weight", COLUMN_PLAIN},
	{"PAUSED", "paused", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};
static const struct column tenant_columns[] = {
	{"TENANT", "name", COLUMN_PLAIN},
	{"QUEUED", "queued", COLUMN_PLAIN},
	{"WAITING", "waiting", COLUMN_PLAIN},
	{"RUNNING", "running", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};
/* What upstream_health.h sums up. */
static const struct column upstream_columns[] = {
	{"UPSTREAM", "name", COLUMN_PLAIN},
	{"BREAKER", "health.breaker", COLUMN_PLAIN},
	{"BY HAND", "health.by_hand", COLUMN_PLAIN},
	{"KEYS", "health.keys", COLUMN_PLAIN},
	{"CALLS", "health.calls", COLUMN_PLAIN},
	{"WAITING", "health.waiting", COLUMN_PLAIN},
	{"RETRIES LEFT", "health.retries_left", COLUMN_PLAIN},
	{"PACING", "health.pacing", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};
/* Levels of requests, as the producer that is asked knows them; those of tokens, as workers do. */
static const struct column limit_columns[] = {
	{"AT ITS LIMIT", "level", COLUMN_PLAIN},
	{"TENANT", "tenant", COLUMN_PLAIN},
	{"USER", "user", COLUMN_PLAIN},
	{"LEFT", "left", COLUMN_PLAIN},
	{"BURST", "burst", COLUMN_PLAIN},
	{"PER MINUTE", "per_minute", COLUMN_PLAIN},
	{"REFUSED/MIN", "refused_per_minute", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};
/* What matters stands in the first 80 columns: a terminal cuts the rest. */
static const struct column worker_columns[] = {
	{"WORKER", "id", COLUMN_PLAIN},
	{"STATE", "state", COLUMN_PLAIN},
	{"RUNNING", "running", COLUMN_PLAIN},
	{"SLOTS", "slots", COLUMN_PLAIN},
	{"CALLS", "calls", COLUMN_PLAIN},
	{"MEMORY", "memory_bytes", COLUMN_BYTES},
	{"OF", "memory_target_bytes", COLUMN_BYTES},
	{"ENDED/S", "ended_per_s", COLUMN_PLAIN},
	{"LAST SIGN", "beat_at", COLUMN_AGE},
	{"HOST", "host", COLUMN_PLAIN},
	{NULL, NULL, COLUMN_PLAIN},
};

typedef bool shown_fn(const json_t *item);

static bool is_present(const json_t *worker)
{
	const char *state = json_string_value(json_object_get(worker, "state"));

	return state && strcmp(state, "left") != 0 && strcmp(state, "dead") != 0;
}

/* The page's parts, in their order: member of the JSON, where it comes from, how it looks, and
 * what of it does (NULL: all). */
static const struct {
	const char *name, *path;
	const struct column *columns;
	shown_fn *shown;
} parts[] = {
	{"queues", "/v1/queues", queue_columns, NULL},
	{"tenants", "/v1/tenants?limit=100", tenant_columns, NULL},
	{"upstreams", "/v1/upstreams", upstream_columns, NULL},
	{"limits", "/v1/limits/now", limit_columns, NULL},
	{"workers", "/v1/workers", worker_columns, is_present},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

struct top {
	struct client client;
	json_t *now;	/* name -> items, as just read */
	json_t *before; /* the last look's; NULL = none yet */
	int64_t now_ms, before_ms;
};

/* ---- looking ---- */

static enum outcome look_at(struct top *top, size_t i, json_t *page)
{
	json_t *list = NULL;
	enum outcome outcome = client_get(&top->client, parts[i].path, &list);
	json_t *items = json_object_get(list, "data");

	if (outcome == OUTCOME_OK && !json_is_array(items))
		outcome = call_fail(top->client.call, OUTCOME_UNAVAILABLE,
			"%s did not answer with a list", parts[i].path);
	if (outcome == OUTCOME_OK)
		json_object_set(page, parts[i].name, items);
	json_decref(list);
	return outcome;
}

static const json_t *same_worker(const json_t *workers, const char *id)
{
	const json_t *worker;
	size_t i;

	json_array_foreach(workers, i, worker)
	{
		const char *its = json_string_value(json_object_get(worker, "id"));

		if (its && strcmp(its, id) == 0)
			return worker;
	}
	return NULL;
}

/* Ends a second, between the look before and this one. */
static void put_rate(const struct top *top, json_t *worker)
{
	const char *id = json_string_value(json_object_get(worker, "id"));
	const json_t *old = id ? same_worker(json_object_get(top->before, "workers"), id) : NULL;
	const double ms = (double)(top->now_ms - top->before_ms);
	const double ended = json_number_value(json_object_get(worker, "ended")) -
			     json_number_value(json_object_get(old, "ended"));
	char text[RATE_TEXT_MAX];

	if (!old || ms <= 0 || ended < 0)
		return;
	snprintf(text, sizeof(text), "%.1f", ended * 1000 / ms);
	json_object_set_new(worker, "ended_per_s", json_real(strtod(text, NULL)));
}

/* By its name, where that is on the page. */
static void put_tenant(const json_t *tenants, json_t *limit)
{
	json_t *id = json_object_get(limit, "tenant_id"), *name = id;
	const json_t *tenant;
	size_t i;

	json_array_foreach(tenants, i, tenant)
	{
		if (json_equal(id, json_object_get(tenant, "id")))
			name = json_object_get(tenant, "name");
	}
	json_object_set(limit, "tenant", name);
}

static enum outcome look(struct top *top)
{
	json_t *page = json_object();
	enum outcome outcome = page ? OUTCOME_OK : OUTCOME_FAILED;
	json_t *worker, *upstream, *limit;
	size_t i;

	for (i = 0; i < PARTS && outcome == OUTCOME_OK; i++)
		outcome = look_at(top, i, page);
	if (outcome != OUTCOME_OK) {
		json_decref(page);
		return outcome;
	}
	json_decref(top->before);
	top->before = top->now;
	top->before_ms = top->now_ms;
	top->now = page;
	top->now_ms = clock_ms();
	json_array_foreach(json_object_get(page, "workers"), i, worker)
	{
		put_rate(top, worker);
	}
	json_array_foreach(json_object_get(page, "upstreams"), i, upstream)
	{
		upstream_health_put(upstream);
	}
	json_array_foreach(json_object_get(page, "limits"), i, limit)
	{
		put_tenant(json_object_get(page, "tenants"), limit);
	}
	return OUTCOME_OK;
}

/* ---- showing ---- */

static json_int_t sum(const json_t *items, const char *member, shown_fn *shown)
{
	json_int_t n = 0;
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		if (!shown || shown(item))
			n += json_integer_value(json_object_get(item, member));
	}
	return n;
}

static void print_sums(const struct call *call, const json_t *page)
{
	const json_t *queues = json_object_get(page, "queues");
	const json_t *workers = json_object_get(page, "workers");
	char now[CLOCK_TEXT_MAX];

	clock_format(clock_record_ms(), now);
	fprintf(call->out, "%s  ready %lld, waiting %lld, running %lld of %lld slots\n", now,
		(long long)sum(queues, "queued", NULL), (long long)sum(queues, "waiting", NULL),
		(long long)sum(workers, "running", is_present),
		(long long)sum(workers, "slots", is_present));
}

/* Those that are gone are in worker list and in the JSON; here they would push out the others. */
static json_t *shown_of(const json_t *items, shown_fn *shown)
{
	json_t *some = json_array();
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		if (!shown || shown(item))
			json_array_append(some, item);
	}
	return some;
}

static enum outcome print_page(const struct call *call, const json_t *page)
{
	enum outcome outcome = OUTCOME_OK;

	print_sums(call, page);
	for (size_t i = 0; i < PARTS && outcome == OUTCOME_OK; i++) {
		json_t *items = shown_of(json_object_get(page, parts[i].name), parts[i].shown);

		if (json_array_size(items) > 0) {
			fputc('\n', call->out);
			outcome = listing_table(call, parts[i].columns, items);
		}
		json_decref(items);
	}
	return outcome;
}

/* As much of the text as the terminal holds, each line cut to its width. */
static void paint(const struct call *call, const char *text)
{
	struct winsize size = {.ws_row = LINES_USUAL, .ws_col = COLUMNS_USUAL};

	if (ioctl(fileno(call->out), TIOCGWINSZ, &size) != 0 || size.ws_row < 2)
		size = (struct winsize){.ws_row = LINES_USUAL, .ws_col = COLUMNS_USUAL};
	fputs("\x1b[H", call->out);
	for (int line = 1; *text && line < size.ws_row; line++) {
		size_t n = strcspn(text, "\n");

		output_text(call->out, text, n < size.ws_col ? n : size.ws_col);
		fputs("\x1b[K\n", call->out);
		text += n + (text[n] == '\n');
	}
	fputs("\x1b[J", call->out);
	fflush(call->out);
}

/* The page is made whole first, so that a terminal never shows half of it. */
static enum outcome refresh(struct top *top)
{
	struct call page = *top->client.call;
	char *text = NULL;
	size_t len = 0;
	enum outcome outcome;

	page.out = open_memstream(&text, &len);
	if (!page.out)
		return call_fail(top->client.call, OUTCOME_FAILED, "out of memory");
	outcome = print_page(&page, top->now);
	fclose(page.out);
	if (outcome == OUTCOME_OK)
		paint(top->client.call, text);
	free(text);
	return outcome;
}

static enum outcome watch(struct top *top, int64_t every_ms)
{
	enum outcome outcome = OUTCOME_OK;

	fputs("\x1b[2J", top->client.call->out);
	while (outcome == OUTCOME_OK) {
		outcome = look(top);
		if (outcome == OUTCOME_OK)
			outcome = refresh(top);
		else if (outcome == OUTCOME_UNAVAILABLE && top->now)
			outcome = OUTCOME_OK; /* said; a restarting producer is back soon */
		if (outcome == OUTCOME_OK)
			client_pause(every_ms);
	}
	return outcome;
}

static enum outcome once(struct top *top)
{
	const struct call *call = top->client.call;
	enum outcome outcome = look(top);

	if (outcome == OUTCOME_OK && call_flag(call, "json"))
		outcome = output_json(call, top->now);
	else if (outcome == OUTCOME_OK)
		outcome = print_page(call, top->now);
	return outcome;
}

enum outcome top_run(struct call *call)
{
	const bool one = call_flag(call, "once") || call_flag(call, "json") ||
			 !output_is_terminal(call->out);
	struct top top = {.now = NULL};
	enum outcome outcome = client_open(call, CLIENT_OPERATOR, &top.client);

	if (outcome == OUTCOME_OK)
		outcome =
			one ? once(&top) : watch(&top, call_number(call, "every", EVERY_S) * 1000);
	json_decref(top.now);
	json_decref(top.before);
	client_clear(&top.client);
	return outcome;
}

#include "watch.h"

#include "handlers.h"
#include "job.h"
#include "output.h"
#include "progress.h"

#include "domain/sse.h"
#include "ground/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
	TRIES_MAX = 12, /* connections in a row that brought no event */
	PAUSE_MS = 250,
	PAUSE_MAX_MS = 10000,
	DATA_DEPTH = 128,
	EVENT_MAX_BYTES = 4 << 20,
};

struct watch {
	struct client *client;
	const char *id;
	struct sse sse;
	struct progress progress;
	char after[SSE_ID_MAX]; /* number of the last event seen */
	bool heard;		/* something new since the connection began */
	bool whole;		/* asked for from its beginning */
	bool texted;		/* some text was printed */
	bool open_line;		/* the last text did not end in a newline */
	bool ended;
	char state[32];
};

/* An event we had already (a server may replay): numbers only rise. */
static bool is_old(const struct watch *w)
{
	return *w->after && *w->sse.id &&
	       strtoull(w->sse.id, NULL, 10) <= strtoull(w->after, NULL, 10);
}

static void close_line(struct watch *w)
{
	if (w->open_line)
		fputc('\n', w->client->call->out);
	w->open_line = false;
}

static void on_delta(struct watch *w, const json_t *data)
{
	const json_t *text = json_object_get(data, "text");
	size_t len = json_string_length(text);

	if (len == 0)
		return;
	progress_end(&w->progress);
	output_text(w->client->call->out, json_string_value(text), len);
	w->texted = true;
	w->open_line = json_string_value(text)[len - 1] != '\n';
}

static void on_restart(struct watch *w, const json_t *data)
{
	close_line(w);
	fflush(w->client->call->out);
	progress_show(&w->progress, "the answer begins anew", "");
	if (w->progress.terminal)
		fputc('\n', w->progress.out);
	w->progress.shown = false;
}

static void on_news(struct watch *w, const char *news)
{
	char line[PROGRESS_MAX + 64];

	snprintf(line, sizeof(line), "%s %s", w->id, news);
	if (!w->open_line)
		progress_show(&w->progress, line, "");
}

static void on_queued(struct watch *w, const json_t *data)
{
	on_news(w, "queued");
}

static void on_running(struct watch *w, const json_t *data)
{
	on_news(w, "running");
}

static void on_waiting(struct watch *w, const json_t *data)
{
	const char *why = json_string_value(json_object_get(data, "waiting_for"));
	char news[PROGRESS_MAX];

	close_line(w);
	snprintf(news, sizeof(news), "waiting%s%s", why ? " for " : "", why ? why : "");
	on_news(w, news);
}

static void on_end(struct watch *w, const json_t *data)
{
	w->ended = true;
}

static const struct {
	const char *name;
	void (*fn)(struct watch *w, const json_t *data);
} reactions[] = {
	{"job.delta", on_delta},
	{"job.queued", on_queued},
	{"job.running", on_running},
	{"job.waiting", on_waiting},
	{"job.restarted", on_restart},
	{"job.completed", on_end},
	{"job.failed", on_end},
	{"job.cancelled", on_end},
	{"job.expired", on_end},
};

static void react(struct watch *w, const json_t *data)
{
	const char *name = sse_name(&w->sse);

	for (size_t i = 0; i < sizeof(reactions) / sizeof(reactions[0]); i++) {
		if (strcmp(reactions[i].name, name) != 0)
			continue;
		if (reactions[i].fn == on_end || !call_flag(w->client->call, "json"))
			reactions[i].fn(w, data);
		if (reactions[i].fn == on_end)
			snprintf(w->state, sizeof(w->state), "%s", name + strlen("job."));
	}
}

static void print_json(const struct watch *w, json_t *data)
{
	json_t *line = json_pack("{s:I, s:s, s:O}", "id", (json_int_t)strtoll(w->sse.id, NULL, 10),
		"event", sse_name(&w->sse), "data", data);

	if (line)
		json_dumpf(line, w->client->call->out, JSON_COMPACT);
	fputc('\n', w->client->call->out);
	json_decref(line);
}

static enum err on_event(void *owner, const char *bytes, size_t len)
{
	struct watch *w = owner;
	struct problems problems = {.n = 0};
	json_t *data = NULL;
	enum err e;

	if (is_old(w))
		return ERR_OK;
	e = json_read(bytes, len, DATA_DEPTH, &problems, &data);
	if (e != ERR_OK)
		return e;
	w->heard = true;
	snprintf(w->after, sizeof(w->after), "%s", w->sse.id);
	if (call_flag(w->client->call, "json"))
		print_json(w, data);
	react(w, data);
	fflush(w->client->call->out);
	json_decref(data);
	return w->ended ? ERR_CANCELLED : ERR_OK; /* heard enough: the stream may be cut */
}

static enum err on_bytes(void *owner, const char *bytes, size_t len)
{
	struct watch *w = owner;

	return sse_feed(&w->sse, bytes, len, on_event, w);
}

static enum outcome stream_once(struct watch *w, int64_t limit_ms)
{
	char path[128], header[SSE_ID_MAX + 32];
	struct client_stream stream = {
		.path = path, .bytes = on_bytes, .owner = w, .limit_ms = limit_ms};

	snprintf(path, sizeof(path), "/v1/jobs/%s/events", w->id);
	snprintf(header, sizeof(header), "Last-Event-ID: %s", w->after);
	stream.header = *w->after ? header : NULL;
	sse_restart(&w->sse);
	w->heard = false;
	return client_stream(w->client, &stream);
}

/* Until the job's end, over as many connections as it takes. */
static enum outcome follow(struct watch *w, int64_t timeout_ms)
{
	int64_t until_ms = timeout_ms < 0 ? INT64_MAX : clock_ms() + timeout_ms;
	int64_t pause_ms = PAUSE_MS;

	for (int tries = 0; tries < TRIES_MAX;) {
		int64_t left_ms = timeout_ms < 0 ? 0 : until_ms - clock_ms();
		enum outcome outcome = OUTCOME_TIMEOUT;

		if (timeout_ms < 0 || left_ms > 0)
			outcome = stream_once(w, left_ms);
		if (w->ended)
			return OUTCOME_OK;
		if (outcome == OUTCOME_TIMEOUT)
			return call_fail(
				w->client->call, outcome, "%s has not ended; it goes on", w->id);
		if (outcome != OUTCOME_OK && outcome != OUTCOME_UNAVAILABLE)
			return outcome;
		if (w->heard) {
			tries = 0;
			pause_ms = PAUSE_MS;
		}
		tries++;
		client_pause(pause_ms);
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
	return call_fail(
		w->client->call, OUTCOME_UNAVAILABLE, "%s does not answer", w->client->base);
}

/* An answer that never came as text (a kind that does not stream), and what went wrong. */
static enum outcome conclude(struct watch *w)
{
	bool completed = strcmp(w->state, "completed") == 0;
	char path[128];
	json_t *job = NULL;
	enum outcome outcome = completed ? OUTCOME_OK : OUTCOME_FAILED;

	progress_end(&w->progress);
	close_line(w);
	if (call_flag(w->client->call, "json") || (completed && (w->texted || !w->whole)))
		return outcome;
	snprintf(path, sizeof(path), "/v1/jobs/%s", w->id);
	if (client_get(w->client, path, &job) == OUTCOME_OK)
		job_print_answer(w->client->call, job);
	json_decref(job);
	return outcome;
}

enum outcome watch_job(struct client *client, const char *id, const char *after, int64_t timeout_ms)
{
	struct watch w = {.client = client, .id = id, .whole = after == NULL};
	enum outcome outcome;

	sse_init(&w.sse, EVENT_MAX_BYTES);
	progress_init(&w.progress, client->call);
	snprintf(w.after, sizeof(w.after), "%s", after ? after : "");
	outcome = follow(&w, timeout_ms);
	progress_end(&w.progress);
	close_line(&w);
	if (outcome == OUTCOME_OK)
		outcome = conclude(&w);
	sse_clear(&w.sse);
	return outcome;
}

static enum outcome check(const struct call *call)
{
	const char *after = call_text(call, "after");

	if (after && (strlen(after) > 18 || strspn(after, "0123456789") != strlen(after)))
		return call_usage(call, "--after takes the number of an event, not \"%s\"", after);
	return job_check_ids(call);
}

enum outcome watch_run(struct call *call)
{
	int64_t timeout_s = call_number(call, "timeout", -1);
	struct client client;
	enum outcome outcome = check(call);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = client_open(call, CLIENT_JOBS, &client);
	if (outcome == OUTCOME_OK)
		outcome = watch_job(&client, call->arguments[0], call_text(call, "after"),
			timeout_s < 0 ? -1 : timeout_s * 1000);
	client_clear(&client);
	return outcome;
}

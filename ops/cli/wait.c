#include "wait.h"

#include "duration.h"
#include "handlers.h"
#include "job.h"
#include "output.h"
#include "progress.h"

#include "ground/clock.h"

enum {
	HOLD_S = 30,	  /* how long the server is asked to hold its answer */
	HOLD_SHOWN_S = 2, /* the same when somebody looks at a progress line */
	AWAY_MS = 120000, /* how long the server may be away before we give up */
	PAUSE_MS = 1000,
};

struct waiting {
	struct client *client;
	struct progress progress;
	int64_t start_ms;
	int64_t until_ms; /* < 0: for ever */
	size_t n, ended;
	bool asked; /* the first question is not held, so that a state is shown at once */
};

static int64_t hold_s(const struct waiting *w)
{
	int64_t hold = w->progress.terminal ? HOLD_SHOWN_S : HOLD_S;
	int64_t left = w->until_ms < 0 ? hold : (w->until_ms - clock_ms() + 999) / 1000;

	if (left < 0 || (w->progress.terminal && !w->asked))
		left = 0;
	return left < hold ? left : hold;
}

static void put_detail(const struct waiting *w, const json_t *job, char out[PROGRESS_MAX])
{
	const json_t *progress = json_object_get(job, "progress");
	long long tokens = json_integer_value(json_object_get(progress, "output_tokens"));
	char elapsed[DURATION_TEXT_MAX], written[40] = "", ended[64] = "";

	duration_format(clock_ms() - w->start_ms, elapsed);
	if (tokens > 0)
		snprintf(written, sizeof(written), ", %lld tokens", tokens);
	if (w->n > 1)
		snprintf(ended, sizeof(ended), ", %zu of %zu ended", w->ended, w->n);
	snprintf(out, PROGRESS_MAX, "%s%s%s", elapsed, written, ended);
}

static void show(struct waiting *w, const char *id, const json_t *job)
{
	const char *why = json_string_value(json_object_get(job, "waiting_for"));
	char news[PROGRESS_MAX], detail[PROGRESS_MAX];

	snprintf(news, sizeof(news), "%s %s%s%s", id, job_state(job), why ? " for " : "",
		why ? why : "");
	put_detail(w, job, detail);
	progress_show(&w->progress, news, detail);
}

/* One long poll. *ret_job is set when an answer came. */
static enum outcome poll(struct waiting *w, const char *id, json_t **ret_job)
{
	int64_t hold = hold_s(w);
	struct question question = {.method = "GET", .patience_ms = hold * 1000, .quiet = true};
	struct reply reply;
	struct buf path;
	enum outcome outcome;

	w->asked = true;
	buf_init(&path, JOB_PATH_MAX_BYTES);
	buf_printf(&path, "/v1/jobs/%s?wait=%lld", id, (long long)hold);
	question.path = path.bytes;
	outcome = buf_err(&path) == ERR_OK ? client_ask(w->client, &question, &reply)
					   : OUTCOME_FAILED;
	if (buf_err(&path) == ERR_OK) {
		if (outcome == OUTCOME_OK && json_is_object(reply.json))
			*ret_job = json_incref(reply.json);
		reply_clear(&reply);
	}
	buf_clear(&path);
	return outcome;
}

static bool is_over(const struct waiting *w)
{
	return w->until_ms >= 0 && clock_ms() >= w->until_ms;
}

/* Asks once more, aloud, so that the reason is said. */
static enum outcome complain(struct waiting *w, const char *id)
{
	char path[128];
	json_t *job = NULL;
	enum outcome outcome;

	progress_end(&w->progress);
	snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	outcome = client_get(w->client, path, &job);
	json_decref(job);
	return outcome == OUTCOME_OK ? OUTCOME_UNAVAILABLE : outcome;
}

static enum outcome late(struct waiting *w, const char *id, const char *state)
{
	progress_end(&w->progress);
	return call_fail(w->client->call, OUTCOME_TIMEOUT, "%s is still %s; it goes on", id, state);
}

/* OUTCOME_OK: *ret_job has ended. */
static enum outcome wait_one(struct waiting *w, const char *id, json_t **ret_job)
{
	int64_t heard_ms = clock_ms();

	for (;;) {
		json_t *job = NULL;
		enum outcome outcome = poll(w, id, &job);

		if (job) {
			heard_ms = clock_ms();
			if (job_has_ended(job)) {
				*ret_job = job;
				return OUTCOME_OK;
			}
			show(w, id, job);
			json_decref(job);
		}
		if (is_over(w))
			return late(w, id, job ? "not done" : "out of reach");
		if (outcome != OUTCOME_OK &&
			(outcome != OUTCOME_UNAVAILABLE || clock_ms() - heard_ms > AWAY_MS))
			return complain(w, id);
		if (!job)
			client_pause(PAUSE_MS);
	}
}

static enum outcome print(struct waiting *w, const json_t *job)
{
	const struct call *call = w->client->call;

	progress_end(&w->progress);
	if (call_flag(call, "json"))
		return output_json(call, job);
	if (w->n == 1)
		job_print_answer(call, job);
	else
		fprintf(call->out, "%s %s\n", json_string_value(json_object_get(job, "id")),
			job_state(job));
	return OUTCOME_OK;
}

enum outcome job_wait_for(
	struct client *client, const char *const *ids, size_t n, int64_t timeout_ms)
{
	struct waiting w = {.client = client, .start_ms = clock_ms(), .n = n};
	enum outcome worst = OUTCOME_OK;

	progress_init(&w.progress, client->call);
	w.until_ms = timeout_ms < 0 ? -1 : w.start_ms + timeout_ms;
	for (size_t i = 0; i < n; i++) {
		json_t *job = NULL;
		enum outcome outcome = wait_one(&w, ids[i], &job);

		if (outcome == OUTCOME_OK) {
			w.ended++;
			outcome = print(&w, job);
		}
		if (outcome == OUTCOME_OK)
			outcome = job_outcome(job);
		json_decref(job);
		worst = outcome != OUTCOME_OK ? outcome : worst;
		if (outcome == OUTCOME_UNAVAILABLE)
			break;
	}
	progress_end(&w.progress);
	return worst;
}

enum outcome job_wait_run(struct call *call)
{
	int64_t timeout_s = call_number(call, "timeout", -1);
	struct client client;
	enum outcome outcome = job_check_ids(call);

	if (outcome != OUTCOME_OK)
		return outcome;
	outcome = client_open(call, CLIENT_JOBS, &client);
	if (outcome == OUTCOME_OK)
		outcome = job_wait_for(
			&client, call->arguments, call->n, timeout_s < 0 ? -1 : timeout_s * 1000);
	client_clear(&client);
	return outcome;
}

#include "story.h"

#include "story_call.h"
#include "story_reason.h"

#include "domain/job.h"
#include "ground/clock.h"

#include <string.h>

/* Where a job's time can go, in the order in which it meets them. */
#define STAGE_TABLE(X)                                     \
	X(accept, "accepted and committed")                \
	X(run_at, "waited for its time")                   \
	X(queue, "waited in the queue")                    \
	X(retry, "paused before another attempt")          \
	X(breaker, "waited for a breaker")                 \
	X(limit, "waited for a limit")                     \
	X(wait, "waited for something else")               \
	X(admit, "waited for the upstream's leave")        \
	X(first_byte, "waited for the model's first byte") \
	X(stream, "received the answer")                   \
	X(finish, "result prepared")                       \
	X(held, "input read, end committed")               \
	X(over, "had ended, until it was sent again")      \
	X(cut, "ran until somebody or its time ended it")  \
	X(lost, "attempts that their worker did not end")  \
	X(running, "runs")

#define STAGE_NAME(name, text) STAGE_##name,
enum stage { STAGE_TABLE(STAGE_NAME) STAGES };
#undef STAGE_NAME

static const struct {
	const char *name, *text;
} stages[] = {
#define STAGE_ROW(name, text) {#name, text},
	STAGE_TABLE(STAGE_ROW)
#undef STAGE_ROW
};

/* While a story is made. */
struct teller {
	const json_t *job;
	json_t *lines;
	int64_t now_ms;
	int64_t at_ms; /* told up to here */
	int64_t spent_ms[STAGES];
	const json_t *last; /* the attempt told last */
};

/* ---- reading ---- */

static const char *word(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

/* 0: none. */
static int64_t time_of(const json_t *object, const char *member)
{
	int64_t ms;

	return clock_parse(word(object, member), &ms) == 0 ? ms : 0;
}

/* -1: not known. */
static int64_t timing(const json_t *object, const char *stage)
{
	const json_t *ms = json_object_get(json_object_get(object, "timings_ms"), stage);

	return json_is_integer(ms) ? json_integer_value(ms) : -1;
}

static bool is_state(const json_t *object, enum job_state state)
{
	return job_state_from_text(word(object, "state")) == state;
}

static int64_t number(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

static bool is_over(const json_t *object)
{
	return job_state_terminal(job_state_from_text(word(object, "state")));
}

/* What had ended begins again because somebody sent it to its queue once more. */
static bool was_sent_again(const json_t *last)
{
	return last && is_over(last);
}

/* ---- lines ---- */

/* fields is taken. */
static void tell(struct teller *t, int64_t at_ms, const char *event, json_t *fields)
{
	json_t *line = json_object();
	char at[CLOCK_TEXT_MAX];

	clock_format(at_ms, at);
	json_object_set_new(line, "at", json_string(at));
	json_object_set_new(line, "event", json_string(event));
	json_object_update(line, fields);
	json_decref(fields);
	json_array_append_new(t->lines, line);
}

static void copy(json_t *to, const json_t *from, const char *member)
{
	json_t *value = json_object_get(from, member);

	if (value && !json_is_null(value))
		json_object_set(to, member, value);
}

/* ---- the time between attempts ---- */

static enum stage wait_stage(enum job_wait waits_for)
{
	static const struct {
		enum job_wait wait;
		enum stage stage;
	} known[] = {{JOB_WAIT_RUN_AT, STAGE_run_at}, {JOB_WAIT_RETRY, STAGE_retry},
		{JOB_WAIT_BREAKER, STAGE_breaker}, {JOB_WAIT_KEY, STAGE_breaker},
		{JOB_WAIT_LIMIT, STAGE_limit}, {JOB_WAIT_QUEUE, STAGE_queue}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (waits_for == known[i].wait)
			return known[i].stage;
	return STAGE_wait;
}

/* What the job waited for besides its queue, before a claim at to_ms; "" = nothing. */
static const char *waited_for(const struct teller *t)
{
	if (t->last)
		return is_state(t->last, JOB_WAITING) ? word(t->last, "waiting_for") : "";
	return time_of(t->job, "run_at") > t->at_ms ? job_wait_text(JOB_WAIT_RUN_AT) : "";
}

/* The queue's part of a gap behind a wait. */
static int64_t queue_part(const struct teller *t, int64_t to_ms, bool last_claim)
{
	const int64_t gap = to_ms - t->at_ms, run_at = time_of(t->job, "run_at");
	int64_t part = last_claim ? timing(t->job, "queue") : 0;

	if (!t->last)
		part = run_at < to_ms ? to_ms - run_at : 0;
	return part < 0 ? 0 : part < gap ? part : gap;
}

/* When that was is known before the last claim alone; its deadline is the job's of now. */
static void again_tell(struct teller *t, int64_t at_ms)
{
	json_t *again = json_object();

	copy(again, t->job, "deadline_at");
	tell(t, at_ms, "sent_again", again);
}

/* Books what passed until to_ms; *ret_wait is what it was for, in the API's word. */
static void gap_book(struct teller *t, int64_t to_ms, bool last_claim, json_t *fields)
{
	const int64_t gap = to_ms > t->at_ms ? to_ms - t->at_ms : 0;
	const char *wait = waited_for(t);
	int64_t queue = gap;

	if (was_sent_again(t->last) && !(is_over(t->job) && gap == 0)) {
		queue = queue_part(t, to_ms, last_claim);
		t->spent_ms[STAGE_over] += gap - queue;
		again_tell(t, to_ms - queue);
	} else if (*wait) {
		queue = queue_part(t, to_ms, last_claim);
		t->spent_ms[wait_stage(job_wait_from_text(wait))] += gap - queue;
		json_object_set_new(fields, "waited_for", json_string(wait));
		json_object_set_new(fields, "waited_ms", json_integer(gap - queue));
	}
	t->spent_ms[STAGE_queue] += queue;
	json_object_set_new(fields, "queue_ms", json_integer(queue));
}

/* ---- one attempt ---- */

static const struct {
	const char *name;
	enum stage stage;
} inner[] = {{"first_byte", STAGE_first_byte}, {"stream", STAGE_stream}, {"finish", STAGE_finish}};

/* What leave to call was waited for, as far as that is known. */
static enum stage admit_stage(const json_t *attempt)
{
	const enum job_wait wait = story_call_wait(attempt);

	return wait == JOB_WAIT_NONE ? STAGE_admit : wait_stage(wait);
}

static bool is_held(const json_t *attempt)
{
	return *word(attempt, "held_by") != '\0';
}

/* One that somebody else ended, and that its holder may have told of since. */
static enum stage cut_stage(const json_t *attempt)
{
	if (strcmp(word(attempt, "ended_by"), "reaper") == 0)
		return STAGE_lost;
	return is_held(attempt) && !*word(attempt, "upstream") ? admit_stage(attempt) : STAGE_cut;
}

/* What an attempt did in the time that none of its stages has. */
static enum stage rest_stage(const json_t *attempt)
{
	if (!time_of(attempt, "finished_at"))
		return is_held(attempt) ? admit_stage(attempt) : STAGE_running;
	if (strcmp(word(attempt, "ended_by"), "holder") != 0)
		return cut_stage(attempt);
	if (story_is_parked(attempt))
		return admit_stage(attempt);
	/* It was called, and nothing came. */
	if (timing(attempt, "admit") >= 0 && timing(attempt, "first_byte") < 0)
		return STAGE_first_byte;
	return STAGE_held;
}

/* Books what an attempt's stages took, and the rest of its time. */
static void attempt_book(struct teller *t, const json_t *attempt, int64_t took_ms)
{
	const int64_t admit = timing(attempt, "admit");
	int64_t known = admit > 0 ? admit : 0;

	t->spent_ms[admit_stage(attempt)] += known;
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		const int64_t ms = timing(attempt, inner[i].name);

		t->spent_ms[inner[i].stage] += ms > 0 ? ms : 0;
		known += ms > 0 ? ms : 0;
	}
	if (took_ms > known)
		t->spent_ms[rest_stage(attempt)] += took_ms - known;
}

/* As its holder told it a moment ago. */
static void running_tell(struct teller *t, const json_t *attempt)
{
	const int64_t since_ms = time_of(attempt, "since");
	json_t *call;

	if (!since_ms)
		return;
	call = story_call_fields(t->last, attempt);
	json_object_set_new(call, "for_ms", json_integer(t->now_ms - since_ms));
	tell(t, is_held(attempt) ? t->now_ms : since_ms, is_held(attempt) ? "held_back" : "called",
		call);
}

static void call_tell(struct teller *t, const json_t *attempt, int64_t started_ms)
{
	const int64_t admit = timing(attempt, "admit"), first = timing(attempt, "first_byte");
	json_t *called;

	if (*word(attempt, "upstream")) {
		called = story_call_fields(t->last, attempt);
		if (admit > 0)
			json_object_set_new(called, "admit_ms", json_integer(admit));
		if (story_is_parked(attempt))
			copy(called, attempt, "error");
		tell(t, started_ms + (admit > 0 ? admit : 0),
			story_is_parked(attempt) ? "not_called" : "called", called);
	}
	if (first >= 0)
		tell(t, started_ms + (admit > 0 ? admit : 0) + first, "first_byte",
			json_pack("{s:I}", "after_ms", (json_int_t)first));
}

/* What the upstream's Retry-After asked for, and until when its key and model are left alone. */
static void floor_tell(const json_t *attempt, int64_t ended_ms, json_t *end)
{
	const int64_t ms = number(attempt, "retry_after_ms");
	char until[CLOCK_TEXT_MAX];

	if (ms <= 0)
		return;
	json_object_set_new(end, "retry_after_ms", json_integer(ms));
	clock_format(ended_ms + ms, until);
	json_object_set_new(end, "not_called_before", json_string(until));
}

static void end_tell(struct teller *t, const json_t *attempt, int64_t ended_ms, int64_t took_ms)
{
	json_t *end = json_pack("{s:I}", "took_ms", (json_int_t)took_ms);

	copy(end, attempt, "number");
	copy(end, attempt, "state");
	if (is_state(attempt, JOB_WAITING))
		copy(end, attempt, "waiting_for");
	if (!story_is_parked(attempt))
		copy(end, attempt, "error");
	copy(end, attempt, "status");
	floor_tell(attempt, ended_ms, end);
	copy(end, attempt, "ended_by");
	copy(end, attempt, "usage");
	json_object_set_new(end, "reason", json_string(story_reason(t->job, attempt)));
	tell(t, ended_ms, "ended", end);
}

static void attempt_tell(struct teller *t, const json_t *attempt, bool last)
{
	const int64_t started_ms = time_of(attempt, "started_at");
	const int64_t ended_ms = time_of(attempt, "finished_at");
	const int64_t took_ms = (ended_ms ? ended_ms : t->now_ms) - started_ms;
	const bool again = t->last && !was_sent_again(t->last) &&
			   number(t->last, "number") == number(attempt, "number");
	json_t *claimed = json_object();

	gap_book(t, started_ms, last, claimed);
	copy(claimed, attempt, "number");
	if (again)
		json_object_set_new(claimed, "again", json_true());
	copy(claimed, attempt, "worker");
	tell(t, started_ms, "claimed", claimed);
	if (ended_ms)
		call_tell(t, attempt, started_ms);
	else
		running_tell(t, attempt);
	attempt_book(t, attempt, took_ms);
	if (ended_ms)
		end_tell(t, attempt, ended_ms, took_ms);
	t->at_ms = ended_ms ? ended_ms : t->now_ms;
	t->last = attempt;
}

/* ---- the whole ---- */

static void begin_tell(struct teller *t)
{
	const int64_t accept = timing(t->job, "accept");
	json_t *accepted = json_object();

	if (accept > 0) {
		t->spent_ms[STAGE_accept] = accept;
		json_object_set_new(accepted, "took_ms", json_integer(accept));
	}
	copy(accepted, t->job, "run_at");
	tell(t, t->at_ms, "accepted", accepted);
	t->at_ms += accept > 0 ? accept : 0;
}

static void end_of_job_tell(struct teller *t, int64_t finished_ms)
{
	const int64_t to_ms = finished_ms ? finished_ms : t->now_ms;
	json_t *end = json_object();

	if (!is_state(t->job, JOB_RUNNING))
		gap_book(t, to_ms, false, end);
	if (finished_ms) {
		copy(end, t->job, "error");
		copy(end, t->job, "usage");
		tell(t, finished_ms, word(t->job, "state"), end);
	} else {
		copy(end, t->job, "waiting_for");
		copy(end, t->job, "due_at");
		copy(end, t->job, "place");
		tell(t, t->now_ms, word(t->job, "state"), end);
	}
}

/* What is still to come is told with the last attempt, or alone before the first. */
static void delivery_tell(struct teller *t, const json_t *delivery)
{
	const json_t *attempts = json_object_get(delivery, "attempts"), *attempt;
	const size_t n = json_array_size(attempts);
	size_t i;

	json_array_foreach(attempts, i, attempt)
	{
		json_t *sent = json_object();

		copy(sent, attempt, "status");
		copy(sent, attempt, "latency_ms");
		copy(sent, attempt, "error");
		if (i + 1 == n) {
			copy(sent, delivery, "state");
			copy(sent, delivery, "next_at");
		}
		tell(t, time_of(attempt, "at"), "webhook", sent);
	}
	if (n == 0) {
		json_t *coming = json_object();

		copy(coming, delivery, "state");
		copy(coming, delivery, "next_at");
		tell(t, t->now_ms, "webhook", coming);
	}
}

static void deliveries_tell(struct teller *t)
{
	const json_t *delivery;
	size_t i;

	json_array_foreach(json_object_get(t->job, "deliveries"), i, delivery)
	{
		delivery_tell(t, delivery);
	}
}

static json_t *shares_of(const struct teller *t, int64_t life_ms)
{
	json_t *shares = json_array();

	for (int i = 0; i < STAGES; i++)
		if (t->spent_ms[i] > 0)
			json_array_append_new(shares,
				json_pack("{s:s, s:s, s:I, s:f}", "stage", stages[i].name, "text",
					stages[i].text, "ms", (json_int_t)t->spent_ms[i], "share",
					(double)t->spent_ms[i] / (double)life_ms));
	return shares;
}

static int64_t spent(const struct teller *t)
{
	int64_t all_ms = 0;

	for (int i = 0; i < STAGES; i++)
		all_ms += t->spent_ms[i];
	return all_ms > 0 ? all_ms : 1;
}

enum err story_make(const json_t *job, int64_t now_ms, struct story *ret_story)
{
	const json_t *attempts = json_object_get(job, "attempts"), *attempt;
	struct teller t = {.job = job, .now_ms = now_ms, .at_ms = time_of(job, "created_at")};
	struct story story;
	size_t i;

	if (!t.at_ms)
		return ERR_INVALID_FIELD;
	t.lines = json_array();
	if (!t.lines)
		return ERR_NOMEM;
	begin_tell(&t);
	json_array_foreach(attempts, i, attempt)
	{
		attempt_tell(&t, attempt, i + 1 == json_array_size(attempts));
	}
	end_of_job_tell(&t, time_of(job, "finished_at"));
	deliveries_tell(&t);
	story = (struct story){t.lines, NULL, spent(&t)};
	story.shares = shares_of(&t, story.life_ms);
	if (!story.shares) {
		story_clear(&story);
		return ERR_NOMEM;
	}
	*ret_story = story;
	return ERR_OK;
}

void story_clear(struct story *story)
{
	json_decref(story->lines);
	json_decref(story->shares);
	*story = (struct story){.lines = NULL};
}

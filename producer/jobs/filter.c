#include "jobs/filter.h"

#include "access/authorise.h"
#include "domain/kind.h"
#include "domain/sealed.h"
#include "ground/clock.h"
#include "jobs/change_many_call.h"
#include "jobs/job_hint.h"
#include "producer.h"
#include "queues.h"

#include <string.h>

enum {
	LIMIT_USUAL = 50,
	STATES_TEXT_MAX = 80,
	POINTER_MAX = 40,
	NAME_MAX_BYTES = 64,
	TIME_MAX_BYTES = 40,
	MODEL_MAX_BYTES = 500,
	VALUE_MAX_BYTES = 4096
};

/* What is being read: handed from check to check. */
struct reading {
	struct filter *filter;
	const struct request *r;
	const json_t *body; /* NULL: the query */
	struct problems *p;
	enum err err; /* a more telling one than ERR_INVALID_FIELD */
};

static const char *text(const struct reading *d, const char *name)
{
	return d->body ? json_string_value(json_object_get(d->body, name))
		       : query_text(&d->r->query, name);
}

static void fault(struct reading *d, const char *name, const char *detail)
{
	char pointer[POINTER_MAX];

	(void)snprintf(pointer, sizeof pointer, "%c%s", d->body ? '/' : '?', name);
	problems_add(d->p, pointer, "%s", detail);
}

/* ---- shape ---- */

static bool query_shape(struct reading *d)
{
	static const struct query_field fields[] = {
		{"queue", QUERY_TEXT, 1, NAME_MAX_BYTES},
		{"state", QUERY_TEXT, 1, STATES_TEXT_MAX},
		{"kind", QUERY_TEXT, 1, NAME_MAX_BYTES},
		{"error_code", QUERY_TEXT, 1, NAME_MAX_BYTES},
		{"model", QUERY_TEXT, 1, MODEL_MAX_BYTES},
		{"upstream", QUERY_TEXT, 1, NAME_MAX_BYTES},
		{"dead", QUERY_BOOL, 0, 0},
		{"created_after", QUERY_TIME, 0, 0},
		{"created_before", QUERY_TIME, 0, 0},
		{"limit", QUERY_INT, 1, FILTER_LIMIT_MAX},
		{"after", QUERY_TEXT, 1, NAME_MAX_BYTES},
		{NULL, QUERY_TEXT, 0, 0},
	};
	const bool fits = query_check(&d->r->query, fields, d->p);

	if (!fits)
		job_hint_search(d->p);
	return fits;
}

#define FILTER_FIELDS                                                                 \
	{"queue", JSON_IS_STRING, JSON_OPTIONAL, 1, NAME_MAX_BYTES},                  \
		{"state", JSON_IS_STRING, JSON_OPTIONAL, 1, STATES_TEXT_MAX},         \
		{"kind", JSON_IS_STRING, JSON_OPTIONAL, 1, NAME_MAX_BYTES},           \
		{"error_code", JSON_IS_STRING, JSON_OPTIONAL, 1, NAME_MAX_BYTES},     \
		{"model", JSON_IS_STRING, JSON_OPTIONAL, 1, MODEL_MAX_BYTES},         \
		{"upstream", JSON_IS_STRING, JSON_OPTIONAL, 1, NAME_MAX_BYTES},       \
		{"dead", JSON_IS_BOOL, JSON_OPTIONAL, 0, 0},                          \
		{"created_after", JSON_IS_STRING, JSON_OPTIONAL, 1, TIME_MAX_BYTES},  \
		{"created_before", JSON_IS_STRING, JSON_OPTIONAL, 1, TIME_MAX_BYTES}, \
		{"subject", JSON_IS_STRING, JSON_OPTIONAL, 1, VALUE_MAX_BYTES},       \
	{                                                                             \
		"metadata", JSON_IS_OBJECT, JSON_OPTIONAL, 0, FILTER_HASHES_MAX - 1   \
	}
#define FIELDS_END                           \
	{                                    \
		NULL, 0, JSON_OPTIONAL, 0, 0 \
	}

static bool body_shape(struct reading *d, enum filter_form form)
{
	static const struct json_field search[] = {FILTER_FIELDS,
		{"limit", JSON_IS_INTEGER, JSON_OPTIONAL, 1, FILTER_LIMIT_MAX},
		{"after", JSON_IS_STRING | JSON_IS_NULL, JSON_OPTIONAL, 1, NAME_MAX_BYTES},
		FIELDS_END};
	static const struct json_field change[] = {FILTER_FIELDS,
		{"dry_run", JSON_IS_BOOL, JSON_OPTIONAL, 0, 0},
		{"limit", JSON_IS_INTEGER, JSON_OPTIONAL, 1, CHANGE_MANY_MAX}, FIELDS_END};

	if (json_is_object(d->body))
		return json_check(d->body, "", form == FILTER_SEARCH ? search : change, d->p);
	problems_add(d->p, "", "must be an object");
	return false;
}

/* ---- members ---- */

static void queue_take(struct reading *d)
{
	const char *name = text(d, "queue");
	struct queues_view *view;
	struct queue_view *found;

	if (!name)
		return;
	view = queues_hold(d->r->producer->queues);
	found = view ? queues_find(view, name) : NULL;
	if (found) {
		d->filter->job.queue_id = found->queue.id;
	} else if (view) {
		fault(d, "queue", "no queue has this name");
		d->err = ERR_UNKNOWN_QUEUE;
	} else {
		d->err = ERR_UNAVAILABLE;
	}
	queues_view_release(view);
}

/* One state, or several with commas. */
static void state_take(struct reading *d)
{
	const char *at = text(d, "state");

	while (at) {
		size_t n = strcspn(at, ",");
		char word[STATES_TEXT_MAX + 1];
		enum job_state state;

		(void)snprintf(word, sizeof word, "%.*s", (int)n, at);
		state = job_state_from_text(word);
		if (state == JOB_STATES) {
			fault(d, "state",
				"must be queued, waiting, running, completed, failed, cancelled or "
				"expired");
			return;
		}
		d->filter->job.states |= 1 << state;
		at = at[n] ? at + n + 1 : NULL;
	}
}

static void kind_take(struct reading *d)
{
	const char *name = text(d, "kind");

	if (!name)
		return;
	d->filter->job.kind = name;
	if (!kind_submittable(name)) {
		fault(d, "kind", "no kind of job has this name");
		d->err = ERR_UNKNOWN_KIND;
	}
}

static void error_take(struct reading *d)
{
	const char *code = text(d, "error_code");

	d->filter->job.error_code = code;
	if (code && strcmp(err_code(err_from_code(code)), code) != 0)
		fault(d, "error_code", "no error has this code");
}

static int64_t time_take(struct reading *d, const char *name)
{
	const char *at = text(d, name);
	int64_t ms = 0;

	if (at && clock_parse(at, &ms) != 0)
		fault(d, name, "must be an RFC 3339 time");
	return ms;
}

static void dead_take(struct reading *d)
{
	const json_t *dead = json_object_get(d->body, "dead");

	if (d->body)
		d->filter->job.dead = dead ? json_is_true(dead) : -1;
	else
		d->filter->job.dead = query_bool(&d->r->query, "dead");
}

static void hash_add(struct reading *d, const char *what, struct sealed_pair pair)
{
	struct filter *f = d->filter;
	uint8_t hash[DIGEST_SIZE];

	sealed_match(d->r->caller.facts->match_key, what, pair, hash);
	memcpy(f->hashes[f->job.hashes_n++], hash, FILTER_HASH_BYTES);
}

static void persons_take(struct reading *d)
{
	const char *subject = text(d, "subject");
	json_t *metadata = json_object_get(d->body, "metadata");
	const char *name;
	json_t *value;

	if (!d->body)
		return;
	if (subject)
		hash_add(d, "subject", (struct sealed_pair){"", 0, subject, strlen(subject)});
	json_object_foreach(metadata, name, value)
	{
		if (!json_is_string(value))
			fault(d, "metadata", "values must be texts");
		else
			hash_add(d, "metadata",
				(struct sealed_pair){name, strlen(name), json_string_value(value),
					json_string_length(value)});
	}
	d->filter->job.hashes = d->filter->job.hashes_n
					? (const uint8_t(*)[FILTER_HASH_BYTES])d->filter->hashes
					: NULL;
}

static void page_take(struct reading *d)
{
	const char *after = text(d, "after");
	const json_t *limit = json_object_get(d->body, "limit");
	const struct config *config = d->r->producer->config;
	size_t most = (size_t)config->producer.list_max;

	d->filter->limit = LIMIT_USUAL;
	if (d->body && limit)
		d->filter->limit = (size_t)json_integer_value(limit);
	else if (!d->body)
		d->filter->limit = (size_t)query_int(&d->r->query, "limit", LIMIT_USUAL);
	if (d->filter->limit > most)
		d->filter->limit = most;
	if (after && !id_parse("job", after, &d->filter->after))
		fault(d, "after", "must be the \"next\" of a page");
}

static size_t members_count(const struct reading *d)
{
	static const char *const beside[] = {"limit", "after", "dry_run"};
	size_t n = d->body ? json_object_size(d->body) : d->r->query.n;

	for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
		if (d->body ? json_object_get(d->body, beside[i]) != NULL
			    : query_text(&d->r->query, beside[i]) != NULL)
			n--;
	return n;
}

enum err filter_read(struct filter *filter, const struct request *r, enum filter_form form,
	const json_t *body, struct problems *p)
{
	struct reading d = {.filter = filter, .r = r, .body = body, .p = p, .err = ERR_OK};

	memset(filter, 0, sizeof *filter);
	filter->job.tenant = r->caller.tenant;
	if (form == FILTER_QUERY ? !query_shape(&d) : !body_shape(&d, form))
		return ERR_INVALID_FIELD;
	queue_take(&d);
	state_take(&d);
	kind_take(&d);
	error_take(&d);
	filter->job.model = text(&d, "model");
	filter->job.upstream = text(&d, "upstream");
	filter->job.created_after_ms = time_take(&d, "created_after");
	filter->job.created_before_ms = time_take(&d, "created_before");
	dead_take(&d);
	persons_take(&d);
	page_take(&d);
	filter->dry_run = json_is_true(json_object_get(body, "dry_run"));
	filter->members = members_count(&d);
	if (d.err)
		return d.err;
	if (p->total)
		return ERR_INVALID_FIELD;
	d.err = authorise_list(r, text(&d, "queue"), &filter->job);
	if (d.err == ERR_FORBIDDEN)
		problems_add(p, "",
			"this needs %s for all that is asked for: name a queue or a model",
			permission_text(r->match.route->permission));
	return d.err;
}

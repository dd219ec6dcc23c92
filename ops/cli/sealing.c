/* Whether values from before there were keys are left: on the database itself. */
#include "database.h"
#include "handlers.h"
#include "output.h"

#include "ground/clock.h"
#include "stores/reseal.h"

struct status {
	enum err err;
	struct reseal_state state;
};

static void on_state(void *ctx, enum err e, const struct reseal_state *state)
{
	struct status *status = ctx;

	status->err = e;
	status->state = *state;
}

static json_t *time_json(int64_t ms)
{
	char text[CLOCK_TEXT_MAX];

	if (!ms)
		return json_null();
	clock_format(ms, text);
	return json_string(text);
}

static enum outcome show_json(const struct call *call, const struct reseal_state *s)
{
	return output_json_new(call,
		json_pack("{s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "sealed", s->sealed_ms != 0,
			"sealed_at", time_json(s->sealed_ms), "walks", (json_int_t)s->walks,
			"tenants", (json_int_t)s->tenants, "jobs", (json_int_t)s->jobs, "found",
			(json_int_t)s->found, "values_sealed", (json_int_t)s->closed,
			"next_walk_at", time_json(s->sealed_ms ? 0 : s->next_ms)));
}

static enum outcome show(const struct call *call, const struct reseal_state *s)
{
	char at[CLOCK_TEXT_MAX];

	if (call_flag(call, "json"))
		return show_json(call, s);
	clock_format(s->sealed_ms ? s->sealed_ms : s->next_ms, at);
	if (s->sealed_ms)
		fprintf(call->out, "sealed since %s: a value in clear is not read any more\n", at);
	else
		fprintf(call->out,
			"values in clear are still read, and sealed by the leader\n"
			"walk %lld: %lld tenants and %lld jobs looked at, %lld values found in clear\n"
			"next walk not before %s\n",
			(long long)s->walks + 1, (long long)s->tenants, (long long)s->jobs,
			(long long)s->found, at);
	fprintf(call->out, "%lld values were sealed in all\n", (long long)s->closed);
	return OUTCOME_OK;
}

enum outcome sealing_status_run(struct call *call)
{
	struct status status = {.err = ERR_DB};
	struct database database;
	enum outcome outcome = database_open(call, call_text(call, "config"), &database);
	enum err e;

	if (outcome == OUTCOME_OK) {
		e = reseal_read(database.db, on_state, &status);
		if (e == ERR_OK)
			e = db_wait(database.db, DATABASE_WAIT_MS);
		if (e == ERR_OK)
			e = status.err;
		outcome =
			e == ERR_OK ? show(call, &status.state) : database_fail(call, &database, e);
	}
	database_close(&database);
	return outcome;
}

/* audit anomalies: who is not as ever. */
#include "database.h"
#include "handlers.h"
#include "output.h"

#include "stores/audit_anomaly.h"

#include <math.h>

enum { ROWS_MAX = 100, HOUR_S = 3600, FORTNIGHT_S = 14 * 86400, LEAST = 100, TIMES = 10 };

struct anomalies {
	json_t *rows;
	enum err err;
};

static json_t *credentials_json(const struct audit_anomaly *row)
{
	json_t *list = json_array();
	char text[ID_TEXT_MAX];

	for (size_t i = 0; list && i < row->credentials_n; i++) {
		id_format(row->credentials[i].prefix, row->credentials[i].id, text);
		(void)json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *row_json(const struct audit_anomaly *row)
{
	char tenant[ID_TEXT_MAX], actor[ID_TEXT_MAX];

	id_format("tnt", row->tenant, tenant);
	id_format("act", row->actor, actor);
	return json_pack("{s:s, s:s, s:s, s:I, s:f, s:I, s:o}", "tenant", tenant, "actor", actor,
		"action", row->action, "now", (json_int_t)row->n, "mean",
		round(row->mean * 100) / 100, "most", (json_int_t)row->most, "credentials",
		credentials_json(row));
}

static void on_rows(void *ctx, enum err e, const struct audit_anomaly *rows, size_t n)
{
	struct anomalies *found = ctx;

	found->err = e;
	for (size_t i = 0; e == ERR_OK && i < n; i++)
		if (json_array_append_new(found->rows, row_json(&rows[i])) != 0)
			found->err = ERR_NOMEM;
}

static void credentials_cell(struct table *t, const json_t *list)
{
	char text[AUDIT_ANOMALY_CREDENTIALS * ID_TEXT_MAX] = "";
	size_t i, at = 0;
	json_t *one;

	json_array_foreach(list, i, one) at += (size_t)snprintf(
		text + at, sizeof text - at, "%s%s", i ? " " : "", json_string_value(one));
	table_cell(t, text);
}

static enum outcome show(const struct call *call, json_t *rows)
{
	static const char *const heads[] = {
		"TENANT", "ACTOR", "ACTION", "NOW", "MEAN", "MOST", "CREDENTIALS", NULL};
	static const char *const members[] = {"tenant", "actor", "action"};
	struct table t;
	enum outcome outcome;
	size_t i;
	json_t *row;

	if (call_flag(call, "json"))
		return output_json(call, rows);
	table_init(&t, heads);
	json_array_foreach(rows, i, row)
	{
		char mean[32];

		for (size_t m = 0; m < sizeof members / sizeof *members; m++)
			table_cell(&t, json_string_value(json_object_get(row, members[m])));
		table_number(&t, json_integer_value(json_object_get(row, "now")));
		(void)snprintf(
			mean, sizeof mean, "%.2f", json_real_value(json_object_get(row, "mean")));
		table_cell(&t, mean);
		table_number(&t, json_integer_value(json_object_get(row, "most")));
		credentials_cell(&t, json_object_get(row, "credentials"));
	}
	outcome = table_print(call, &t);
	table_clear(&t);
	return outcome;
}

static enum outcome ask(const struct call *call, struct database *database, struct anomalies *found)
{
	const struct audit_anomaly_ask how = {.window_s = call_number(call, "window", HOUR_S),
		.history_s = call_number(call, "history", FORTNIGHT_S),
		.least = call_number(call, "least", LEAST),
		.times = call_number(call, "times", TIMES),
		.limit = ROWS_MAX};
	enum err e;

	if (how.history_s < 2 * how.window_s)
		return call_usage(call, "--history must be at least twice --window");
	e = audit_anomalies(database->db, &how, on_rows, found);
	if (e == ERR_OK)
		e = db_wait(database->db, OWNER_STATEMENT_MS);
	if (e == ERR_OK)
		e = found->err;
	return e == ERR_OK ? OUTCOME_OK : database_fail(call, database, e);
}

enum outcome audit_anomalies_run(struct call *call)
{
	struct anomalies found = {.rows = json_array()};
	struct database database;
	enum outcome outcome = database_open(call, call_text(call, "config"), &database);

	if (outcome == OUTCOME_OK)
		outcome = ask(call, &database, &found);
	if (outcome == OUTCOME_OK)
		outcome = show(call, found.rows);
	json_decref(found.rows);
	database_close(&database);
	return outcome;
}

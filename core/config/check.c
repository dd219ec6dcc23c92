#include "config/check.h"

#include "config/table.h"
#include "domain/url.h"
#include "ground/secret.h"

#include <stdio.h>
#include <string.h>

/* One rule, and what it says when it is broken. */
struct config_rule {
	bool broken;
	struct config_misfit misfit;
};

static bool config_has_password(const char *conninfo)
{
	return strstr(conninfo, "password") != NULL || strstr(conninfo, "user=") != NULL ||
	       (strstr(conninfo, "://") != NULL && strchr(conninfo, '@') != NULL);
}

static bool config_twice(const struct config *c, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(c->upstreams[i].name, c->upstreams[at].name) == 0)
			return true;
	}
	return false;
}

static void config_check_upstreams(const struct config *c, config_misfit_fn *tell, void *ctx)
{
	for (size_t i = 0; i < c->upstreams_n; i++) {
		const struct config_misfit misfit = {
			"upstreams", "name", i, "expected a name that no other upstream has"};

		if (config_twice(c, i))
			tell(ctx, &misfit);
	}
}

void config_check_fit(const struct config *c, config_misfit_fn *tell, void *ctx)
{
	const struct config_rule rules[] = {
		{config_has_password(c->database.url),
			{"database", "url", 0,
				"expected no user and no password here: each program has its own "
				"role, passwords stand in database.passfile"}},
		{c->worker.lease_ms < 4 * c->worker.beat_ms,
			{"worker", "lease_ms", 0, "expected at least four times worker.beat_ms"}},
		{c->worker.claim_poll_max_ms < c->worker.claim_poll_min_ms,
			{"worker", "claim_poll_max_ms", 0,
				"expected at least worker.claim_poll_min_ms"}},
		{c->scheduler.term_ms < 10 * c->scheduler.tick_ms,
			{"scheduler", "term_ms", 0,
				"expected at least ten times scheduler.tick_ms"}},
		{c->retry.cap_ms < c->retry.base_ms,
			{"retry", "cap_ms", 0, "expected at least retry.base_ms"}},
		{c->limits.deadline_max_s < c->limits.deadline_default_s,
			{"limits", "deadline_max_s", 0,
				"expected at least limits.deadline_default_s"}},
		{c->limits.attempt_timeout_max_s < c->limits.attempt_timeout_default_s,
			{"limits", "attempt_timeout_max_s", 0,
				"expected at least limits.attempt_timeout_default_s"}},
		{c->limits.attempts_max < c->limits.attempts_default,
			{"limits", "attempts_max", 0, "expected at least limits.attempts_default"}},
		{strcmp(c->producer.listen, c->producer.admin_listen) == 0,
			{"producer", "admin_listen", 0,
				"expected another address than producer.listen"}},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (rules[i].broken)
			tell(ctx, &rules[i].misfit);
	}
	config_check_upstreams(c, tell, ctx);
}

static enum err config_check_secret(
	const char *name, const char *key, const char *path, struct buf *faults)
{
	struct secret secret = {NULL, 0};
	struct buf why;
	enum err e;

	buf_init(&why, 8192);
	e = *path != '\0' ? secret_read(path, &why, &secret) : ERR_OK;
	if (e == ERR_CONFIG)
		buf_printf(faults, "%s: %s: %s\n", name, key,
			why.bytes != NULL ? why.bytes : err_text(e));
	secret_clear(&secret);
	buf_clear(&why);
	return e;
}

static enum err config_check_upstream_files(
	const char *name, const struct config *c, struct buf *faults)
{
	enum err first = ERR_OK;

	for (size_t i = 0; i < c->upstreams_n; i++) {
		char key[160];
		enum err e;

		snprintf(key, sizeof(key), "upstreams.%s.api_key_file", c->upstreams[i].name);
		e = config_check_secret(name, key, c->upstreams[i].api_key_file, faults);
		if (first == ERR_OK)
			first = e;
	}
	return first;
}

/* Whether a program with this name reads the section; no name means all of them. */
static bool config_concerns(const char *program, const char *section)
{
	return *program == '\0' || config_section_of(config_section_find(section), program);
}

enum err config_check_files(
	const char *name, const struct config *c, const char *program, struct buf *faults)
{
	enum err passfile = ERR_OK;
	enum err password = ERR_OK;
	enum err keys = ERR_OK;

	if (config_concerns(program, "database"))
		passfile = config_check_secret(
			name, "database.passfile", c->database.passfile, faults);
	if (config_concerns(program, "redis"))
		password = config_check_secret(
			name, "redis.password_file", c->redis.password_file, faults);
	if (config_concerns(program, "upstreams"))
		keys = config_check_upstream_files(name, c, faults);
	if (passfile != ERR_OK)
		return passfile;
	return password != ERR_OK ? password : keys;
}

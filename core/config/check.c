#include "config/check.h"

#include "config/table.h"
#include "domain/url.h"
#include "ground/secret.h"

#include <stdio.h>
#include <string.h>

/* One rule: when broken, the sentence is shown behind the key's name. */
struct config_rule {
	const char *key;
	bool broken;
	const char *sentence;
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

static size_t config_rules_tell(
	const char *name, const struct config_rule *rules, size_t n, struct buf *faults)
{
	size_t broken = 0;

	for (size_t i = 0; i < n; i++) {
		if (!rules[i].broken)
			continue;
		buf_printf(faults, "%s: %s: %s\n", name, rules[i].key, rules[i].sentence);
		broken++;
	}
	return broken;
}

static size_t config_check_upstreams(const char *name, const struct config *c, struct buf *faults)
{
	size_t broken = 0;

	for (size_t i = 0; i < c->upstreams_n; i++) {
		if (!config_twice(c, i))
			continue;
		buf_printf(faults, "%s: upstreams[%zu].name: another upstream has this name\n",
			name, i);
		broken++;
	}
	return broken;
}

enum err config_check_fit(const char *name, const struct config *c, struct buf *faults)
{
	const struct config_rule rules[] = {
		{"database.url", config_has_password(c->database.url),
			"expected no user and no password here: each program has its own role, "
			"passwords stand in database.passfile"},
		{"worker.lease_ms", c->worker.lease_ms < 4 * c->worker.beat_ms,
			"expected at least four times worker.beat_ms"},
		{"worker.claim_poll_max_ms",
			c->worker.claim_poll_max_ms < c->worker.claim_poll_min_ms,
			"expected at least worker.claim_poll_min_ms"},
		{"scheduler.term_ms", c->scheduler.term_ms < 10 * c->scheduler.tick_ms,
			"expected at least ten times scheduler.tick_ms"},
		{"retry.cap_ms", c->retry.cap_ms < c->retry.base_ms,
			"expected at least retry.base_ms"},
		{"limits.deadline_max_s", c->limits.deadline_max_s < c->limits.deadline_default_s,
			"expected at least limits.deadline_default_s"},
		{"limits.attempt_timeout_max_s",
			c->limits.attempt_timeout_max_s < c->limits.attempt_timeout_default_s,
			"expected at least limits.attempt_timeout_default_s"},
		{"limits.attempts_max", c->limits.attempts_max < c->limits.attempts_default,
			"expected at least limits.attempts_default"},
		{"producer.admin_listen", strcmp(c->producer.listen, c->producer.admin_listen) == 0,
			"expected another address than producer.listen"},
	};
	size_t broken = config_rules_tell(name, rules, sizeof(rules) / sizeof(*rules), faults);

	broken += config_check_upstreams(name, c, faults);
	return broken == 0 ? ERR_OK : ERR_CONFIG;
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

#include "config/check.h"

#include "config/table.h"
#include "domain/url.h"
#include "ground/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void config_rules_tell(const struct config_rule *rules, size_t n, config_misfit_fn *tell, void *ctx)
{
	for (size_t i = 0; i < n; i++) {
		if (rules[i].broken)
			tell(ctx, &rules[i].misfit);
	}
}

static bool config_has_password(const char *conninfo)
{
	return strstr(conninfo, "password") != NULL || strstr(conninfo, "user=") != NULL ||
	       (strstr(conninfo, "://") != NULL && strchr(conninfo, '@') != NULL);
}

/* Credentials and certificates that the protocol would not use, or lacks. */
static void config_check_kafka(const struct config_kafka *kafka, config_misfit_fn *tell, void *ctx)
{
	static const char unused[] = "expected nothing, or a kafka.security_protocol of sasl_";
	static const char lacking[] = "expected a value, as kafka.security_protocol is sasl_";
	bool sasl = strncmp(kafka->security_protocol, "sasl_", 5) == 0;
	bool tls = strstr(kafka->security_protocol, "ssl") != NULL;
	const struct {
		const char *key, *value;
	} credentials[] = {
		{"sasl_mechanism", kafka->sasl_mechanism},
		{"sasl_username", kafka->sasl_username},
		{"sasl_password_file", kafka->sasl_password_file},
	};

	for (size_t i = 0; i < sizeof(credentials) / sizeof(*credentials); i++) {
		const struct config_misfit misfit = {
			"kafka", credentials[i].key, 0, sasl ? lacking : unused};

		if ((*credentials[i].value != '\0') != sasl)
			tell(ctx, &misfit);
	}
	if (*kafka->ca_file != '\0' && !tls)
		tell(ctx, &(struct config_misfit){"kafka", "ca_file", 0,
				  "expected nothing, or a kafka.security_protocol with ssl"});
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
		{c->breaker.open_max_ms < c->breaker.open_base_ms,
			{"breaker", "open_max_ms", 0, "expected at least breaker.open_base_ms"}},
		{c->breaker.key_max_ms < c->breaker.key_base_ms,
			{"breaker", "key_max_ms", 0, "expected at least breaker.key_base_ms"}},
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

	config_rules_tell(rules, sizeof(rules) / sizeof(*rules), tell, ctx);
	config_check_policy(c, tell, ctx);
	config_check_routes(c, tell, ctx);
	config_check_kafka(&c->kafka, tell, ctx);
}

static enum err config_check_secret(
	const char *where, const char *key, const char *path, struct buf *faults)
{
	struct secret secret = {NULL, 0};
	struct buf why;
	enum err e;

	buf_init(&why, 8192);
	e = *path != '\0' ? secret_read(path, &why, &secret) : ERR_OK;
	if (e == ERR_CONFIG)
		buf_printf(faults, "%s: %s: %s\n", where, key,
			why.bytes != NULL ? why.bytes : err_text(e));
	secret_clear(&secret);
	buf_clear(&why);
	return e;
}

/* Certificates are no secret: they need only be there. */
static enum err config_check_readable(
	const char *name, const char *key, const char *path, struct buf *faults)
{
	if (*path == '\0' || access(path, R_OK) == 0)
		return ERR_OK;
	buf_printf(faults, "%s: %s: the file %s cannot be read: %s\n", name, key, path,
		strerror(errno));
	return ERR_CONFIG;
}

static enum err config_check_key(const char *name, struct config_place place, const char *section,
	const char *of, const char *path, struct buf *faults)
{
	char where[4200], key[160];

	snprintf(where, sizeof(where), "%s:%u:%u", name, place.line, place.column);
	snprintf(key, sizeof(key), "%s.%s", section, of);
	return config_check_secret(where, key, path, faults);
}

static enum err config_check_upstream_files(
	const char *name, const struct config *c, struct buf *faults)
{
	enum err first = ERR_OK;

	for (size_t i = 0; i < c->upstreams_n; i++) {
		const struct config_upstream *row = &c->upstreams[i];
		const enum err e = config_check_key(
			name, row->place, "upstreams", row->name, row->api_key_file, faults);

		first = first == ERR_OK ? e : first;
	}
	for (size_t i = 0; i < c->upstream_keys_n; i++) {
		const struct config_upstream_key *row = &c->upstream_keys[i];
		const enum err e = config_check_key(
			name, row->place, "upstream_keys", row->label, row->file, faults);

		first = first == ERR_OK ? e : first;
	}
	return first;
}

/* The signing key is the scheduler's alone, the pseudonyms' the producers'. */
static enum err config_check_audit(
	const char *name, const struct config_audit *audit, const char *program, struct buf *faults)
{
	enum err e = ERR_OK, second = ERR_OK;

	if (strcmp(program, "producer") != 0)
		e = config_check_secret(
			name, "audit.signing_key_file", audit->signing_key_file, faults);
	if (strcmp(program, "scheduler") != 0)
		second = config_check_secret(
			name, "audit.pseudonym_key_file", audit->pseudonym_key_file, faults);
	return e == ERR_OK ? second : e;
}

/* Whether a program with this name reads the section; no name means all of them. */
static bool config_concerns(const char *program, const char *section)
{
	return *program == '\0' || config_section_of(config_section_find(section), program);
}

enum err config_check_files(
	const char *name, const struct config *c, const char *program, struct buf *faults)
{
	enum err found[] = {ERR_OK, ERR_OK, ERR_OK, ERR_OK, ERR_OK, ERR_OK};
	enum err first = ERR_OK;

	if (config_concerns(program, "database"))
		found[0] = config_check_secret(
			name, "database.passfile", c->database.passfile, faults);
	if (config_concerns(program, "kafka")) {
		found[1] = config_check_readable(name, "kafka.ca_file", c->kafka.ca_file, faults);
		found[2] = config_check_secret(
			name, "kafka.sasl_password_file", c->kafka.sasl_password_file, faults);
	}
	if (config_concerns(program, "redis"))
		found[3] = config_check_secret(
			name, "redis.password_file", c->redis.password_file, faults);
	if (config_concerns(program, "upstreams"))
		found[4] = config_check_upstream_files(name, c, faults);
	if (config_concerns(program, "audit"))
		found[5] = config_check_audit(name, &c->audit, program, faults);
	for (size_t i = 0; i < sizeof(found) / sizeof(*found) && first == ERR_OK; i++)
		first = found[i];
	return first;
}

#include "http/route.h"

#include "ground/digest.h"
#include "ground/utf8.h"

#include <stdio.h>
#include <string.h>

bool route_unescape(const char *text, size_t len, bool query, char *out, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '%') {
			if (i + 2 >= len ||
				!digest_unhex((char[]){text[i + 1], text[i + 2], 0}, &c, 1))
				return false;
			i += 2;
		} else if (c == '+' && query) {
			c = ' ';
		}
		if (c == '\0' || n + 1 >= room)
			return false;
		out[n++] = c;
	}
	if (room == 0)
		return false;
	out[n] = '\0';
	return utf8_valid(out, n);
}

static size_t segment_len(const char *s)
{
	return strcspn(s, "/");
}

/* Compares segment by segment; parameters are collected on the way. */
static bool pattern_fits(const char *pattern, const char *path, struct route_match *m)
{
	size_t params = 0;

	while (*pattern == '/' && *path == '/') {
		size_t want = segment_len(++pattern), have = segment_len(++path);

		if (*pattern == '{') {
			if (have == 0 || params == ROUTE_PARAMS_MAX ||
				!route_unescape(
					path, have, false, m->params[params++], ROUTE_PARAM_MAX))
				return false;
		} else if (want != have || memcmp(pattern, path, want) != 0) {
			return false;
		}
		pattern += want;
		path += have;
	}
	return *pattern == '\0' && *path == '\0';
}

static bool listens(const struct route *r, enum route_listener listener)
{
	return r->listener == ROUTE_BOTH || r->listener == listener;
}

static void allow_add(struct route_match *m, const char *method)
{
	size_t n = strlen(m->allow);

	(void)snprintf(m->allow + n, sizeof m->allow - n, "%s%s", n ? ", " : "", method);
}

static bool is_prefix(const struct route *r)
{
	return strcmp(r->method, ROUTE_BELOW) == 0;
}

/* Whoever owns what lies there; NULL: nobody. */
static const struct route *find_below(
	const struct route *routes, enum route_listener listener, const char *path)
{
	for (const struct route *r = routes; r->method; r++) {
		const size_t n = strlen(r->pattern);

		if (is_prefix(r) && listens(r, listener) && strncmp(path, r->pattern, n) == 0 &&
			(path[n] == '\0' || path[n] == '/'))
			return r;
	}
	return NULL;
}

/* A word where the other has a parameter is the better fit. */
static bool better(const struct route *a, const struct route *b)
{
	return !b || (strchr(b->pattern, '{') && !strchr(a->pattern, '{'));
}

enum err route_find(const struct route *routes, enum route_listener listener, const char *method,
	const char *path, struct route_match *ret_match)
{
	const struct route *best = NULL;
	bool worded = false;

	memset(ret_match, 0, sizeof *ret_match);
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (const struct route *r = routes; r->method; r++) {
		struct route_match m; /* large: what matters of it is written by pattern_fits */

		if (is_prefix(r) || !listens(r, listener) || !pattern_fits(r->pattern, path, &m))
			continue;
		worded |= !strchr(r->pattern, '{');
		if (strcmp(r->method, method) == 0 && better(r, best)) {
			best = r;
			memcpy(ret_match->params, m.params, sizeof m.params);
		}
		allow_add(ret_match, r->method);
		ret_match->body = r->body;
	}
	/* GET /v1/jobs/bulk: the word exists, so it is no job's id */
	if (best && worded && strchr(best->pattern, '{'))
		best = NULL;
	if (!best && !ret_match->allow[0])
		best = find_below(routes, listener, path);
	if (best)
		ret_match->body = best->body;
	ret_match->route = best;
	if (best)
		return ERR_OK;
	return ret_match->allow[0] ? ERR_METHOD : ERR_NOT_FOUND;
}

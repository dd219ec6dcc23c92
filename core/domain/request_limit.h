/* request_limit.h - so many requests in so long, and how many of them at once.
 *
 * The levels that come last count tokens of calls instead. Producers do not ask for them:
 * workers do, before each call (worker/token_limits.h).
 *
 * The generic cell rate algorithm (ITU-T I.371, as a virtual schedule). A limit of
 * `amount` in `window_s` is a request every window_s / amount; each admitted one
 * moves the theoretical arrival time by that. How far that lies ahead of now is all
 * there is to remember:
 *
 *   0 ................ ahead ........................ span = burst * interval
 *                        |<- room for (span - ahead) / interval requests ->|
 *
 * So in any stretch of time no more come in than burst + time / interval, and whoever
 * never ceases to ask gets no less than time / interval. Time alone makes room; nothing
 * is reset at the end of a window.
 *
 * Levels are asked together: a request that one of them refuses is charged to none.
 *
 * Threads: pure.  Memory: values. */
#ifndef DOMAIN_REQUEST_LIMIT_H
#define DOMAIN_REQUEST_LIMIT_H

#include "domain/role.h"

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define LIMIT_LEVEL_TABLE(X)                                                               \
	/* name,         word,           what is counted */                                \
	X(GLOBAL,        "global",        "requests") /* all of all tenants              */ \
	X(TENANT,        "tenant",        "requests") /* all of a tenant                 */ \
	X(ROLE,          "role",          "requests") /* of all in it who hold it itself */ \
	X(IP,            "ip",            "requests") /* from an IPv4 address, IPv6 /64  */ \
	X(USER,          "user",          "requests") /* of a user, or of a lone key     */ \
	X(TOKENS,        "tokens",        "tokens")   /* of the calls of a tenant's jobs */ \
	X(TOKENS_GLOBAL, "tokens:global", "tokens")   /* of all tenants' jobs            */ \
	X(TOKENS_ROLE,   "tokens:role",   "tokens")   /* the others: as for requests     */ \
	X(TOKENS_USER,   "tokens:user",   "tokens")
/* clang-format on */

#define LIMIT_LEVEL_NAME(name, word, counts) LIMIT_##name,
enum limit_level { LIMIT_LEVEL_TABLE(LIMIT_LEVEL_NAME) LIMIT_LEVELS };
#undef LIMIT_LEVEL_NAME

enum {
	LIMIT_REQUEST_LEVELS = LIMIT_TOKENS, /* come first */
	LIMIT_PLAN_MAX = 64,		     /* bytes of a plan's name */
	LIMIT_WINDOW_MAX_S = 86400,
	LIMIT_RATE_MAX = 100000,      /* requests a second: finer steps would be lost in rounding */
	LIMIT_TOKENS_MAX = 1000000000 /* in a window */
};
#define LIMIT_PLAN_DEFAULT "default"

struct request_limit {
	int64_t amount; /* in the window, of what the level counts; 0 = free */
	int64_t burst;	/* at once: 1 to amount */
	int32_t window_s;
};

const char *limit_level_text(enum limit_level level);
/* LIMIT_LEVELS: there is none of this name. */
enum limit_level limit_level_from_text(const char *text);
/* Reads "level" or, of a level that has roles, "level:role". *ret_role is "" or stands in text.
 * LIMIT_LEVELS: it is neither. */
enum limit_level limit_level_parse(const char *text, const char **ret_role);
bool limit_level_has_roles(enum limit_level level);
bool limit_level_is_tokens(enum limit_level level);
/* What it counts: the member of JSON and the column that say how many. */
const char *limit_level_counts(enum limit_level level);
/* As a role's name. */
bool limit_plan_is_right(const char *plan);
/* What is wrong with it, in words, and with which of its members; NULL when nothing is. */
const char *request_limit_fault(
	enum limit_level level, const struct request_limit *limit, const char **ret_member);

/* A limit as time: what one request costs, and how much may lie ahead. */
struct limit_pace {
	double interval_us, span_us;
};
/* Of a limit that is not free. */
struct limit_pace limit_pace_of(const struct request_limit *limit);
/* One of n producers' share, for when they cannot ask each other: together they let in what the
 * limit allows. At least one at a time. */
struct limit_pace limit_pace_share(struct limit_pace whole, int64_t n);
/* How many more would be let in now. */
int64_t limit_pace_room(struct limit_pace pace, double ahead_us);
/* Until there is room for one; 0 = there is. */
int64_t limit_pace_wait_us(struct limit_pace pace, double ahead_us);

#endif

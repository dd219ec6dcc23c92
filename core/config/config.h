/* config.h - longhaul.yaml, read once, checked whole, never changed.
 *
 * One file configures all programs. A struct config is what the file said plus
 * the initial values, and nothing in it moves: a reload makes another one, and
 * whoever still uses the old one holds a reference. Its members are generated
 * from the rows (rows.h): config->worker.lease_ms is the row lease_ms of
 * CONFIG_WORKER. Texts are never NULL; "" means "not set".
 *
 * libyaml gives the document with its line numbers and we walk it ourselves: so
 * every mistake is told with its place, and ranges are checked.
 *
 * Threads: a loaded config may be read by any; the count is atomic. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "config/rows.h"
#include "config/rows_audit.h"
#include "config/rows_identity.h"
#include "config/rows_permit.h"
#include "config/rows_producer.h"
#include "config/rows_scheduler.h"
#include "config/rows_worker.h"
#include "ground/buf.h"

#include <stdint.h>

struct config_texts {
	char **items;
	size_t n;
};

struct config_ints {
	int64_t *items;
	size_t n;
};

/* What a row's type is in C. Money is nano-dollars. */
#define CONFIG_C_INT	   int64_t
#define CONFIG_C_BOOL	   bool
#define CONFIG_C_MONEY	   int64_t
#define CONFIG_C_TEXT	   char *
#define CONFIG_C_PATH	   char *
#define CONFIG_C_SECRET	   char *
#define CONFIG_C_LISTEN	   char *
#define CONFIG_C_URL	   char *
#define CONFIG_C_REDIS	   char *
#define CONFIG_C_LEVEL	   char *
#define CONFIG_C_DIALECT   char *
#define CONFIG_C_PROTOCOL  char *
#define CONFIG_C_MECHANISM char *
#define CONFIG_C_DATE	   char *
#define CONFIG_C_PAIRS	   struct config_texts
#define CONFIG_C_TEXTS	   struct config_texts
#define CONFIG_C_NETWORKS  struct config_texts
#define CONFIG_C_INTS	   struct config_ints

#define CONFIG_MEMBER(type, name, initial, min, max, unit, live, help) CONFIG_C_##type name;

/* Lists of maps: the list, one element's struct, its rows, who reads them, one line of help. */
#define CONFIG_LISTS(L)                                                                                 \
	L(upstreams, upstream, CONFIG_UPSTREAM, "worker",                                               \
		"the models' endpoints, a list; of those that serve a job's model the first is asked; " \
		"producers show them to operators: reload every program")                               \
	L(upstream_keys, upstream_key, CONFIG_UPSTREAM_KEY, "worker",                                   \
		"several keys of an upstream, a list")                                                  \
	L(routes, route, CONFIG_ROUTE, "worker",                                                        \
		"which upstreams serve a model, a list; a further attempt asks the next of them")       \
	L(prices, price, CONFIG_PRICE, "worker", "what models cost, and when, a list")

/* The label of the one key that api_key_file names. */
#define CONFIG_KEY_LABEL "default"

/* Where in the file an element begins, for what only shows later: a key file that is gone. */
struct config_place {
	unsigned line, column;
};

#define CONFIG_ELEMENT(list, element, rows, programs, help) \
	struct config_##element {                           \
		struct config_place place;                  \
		rows(CONFIG_MEMBER)                         \
	};
CONFIG_LISTS(CONFIG_ELEMENT)
#undef CONFIG_ELEMENT

/* Name of the section, its rows, the programs that read it, one line of help. */
#define CONFIG_SECTIONS(S)                                                                      \
	S(database, CONFIG_DATABASE, "producer worker scheduler", "the record: Postgres")       \
	S(kafka, CONFIG_KAFKA, "producer worker scheduler", "moves the ids of jobs to workers") \
	S(redis, CONFIG_REDIS, "producer worker", "scratch: live events, limits")               \
	S(keys, CONFIG_KEYS, "producer worker scheduler", "what content is sealed by")          \
	S(log, CONFIG_LOG, "producer worker scheduler", "lines of JSON on standard error")      \
	S(limits, CONFIG_LIMITS, "producer worker", "what a caller may ask for")                \
	S(retry, CONFIG_RETRY, "worker", "the pause after a failed attempt")                    \
	S(producer, CONFIG_PRODUCER, "producer", "the program that serves the API")             \
	S(request_limits, CONFIG_REQUEST_LIMITS, "producer",                                    \
		"how many requests may come, where no plan says otherwise (longhaul limit)")    \
	S(worker, CONFIG_WORKER, "worker", "the program that runs jobs")                        \
	S(scheduler, CONFIG_SCHEDULER, "scheduler", "the program that makes due things move")   \
	S(audit, CONFIG_AUDIT, "producer scheduler", "who did what, provably")                  \
	S(identity, CONFIG_IDENTITY, "producer", "who may come: tokens and their issuers")      \
	S(webhook, CONFIG_WEBHOOK, "producer worker", "deliveries to callers' own servers")     \
	S(breaker, CONFIG_BREAKER, "worker", "when a failing upstream is left alone")           \
	S(pacing, CONFIG_PACING, "worker", "how fast upstreams are called, and who waits")

#define CONFIG_STRUCT(section, rows, programs, help) \
	struct config_##section {                    \
		rows(CONFIG_MEMBER)                  \
	} section;

#define CONFIG_LIST(list, element, rows, programs, help) \
	struct config_##element *list;                   \
	size_t list##_n;

struct config {
	CONFIG_SECTIONS(CONFIG_STRUCT)
	CONFIG_LISTS(CONFIG_LIST)
	struct key_marks *key_marks; /* NULL: its keys were not read (key_marks.h) */
	_Atomic unsigned holders;
};

#undef CONFIG_LIST
#undef CONFIG_STRUCT
#undef CONFIG_MEMBER

/* Reads and checks the whole file.
 *   ERR_CONFIG  every mistake is a line "file:line:column: key: what was expected" in faults
 *   ERR_NOMEM   faults may hold some
 * The result has one holder, the caller. */
MUST_CHECK enum err config_load(const char *path, struct buf *faults, struct config **ret_config);
/* The same for a text in memory; name stands for the path in faults. */
MUST_CHECK enum err config_parse(const char *name, const char *text, size_t len, struct buf *faults,
	struct config **ret_config);
struct config *config_hold(struct config *config);
/* Frees with the last holder. NULL is fine. */
void config_release(struct config *config);

#endif

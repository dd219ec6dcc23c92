/* log.h - one JSON line per outcome, on standard error, ids and never content.
 *
 * core/ returns errors and programs log them. Fields are a closed list of kinds,
 * written by macro so that a line costs one buffer on the stack and one write():
 *
 *   log_info("job finished", LOG_ID("job", "job", id), LOG_INT("attempt", 2), LOG_ERR(e));
 *
 * A line is at most 2 KiB; longer values are cut. Never pass what a caller sent.
 *
 * Threads: any; a line is one write(2). */
#ifndef GROUND_LOG_H
#define GROUND_LOG_H

#include "ground/err.h"
#include "ground/id.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
	const char *name;
	enum { LOG_KIND_TEXT, LOG_KIND_INT, LOG_KIND_ID, LOG_KIND_END } kind;
	const char *text; /* text, or the id's prefix */
	int64_t number;
	struct id id;
};

#define LOG_TEXT(n, v) ((struct log_field){.name = (n), .kind = LOG_KIND_TEXT, .text = (v)})
#define LOG_INT(n, v)  ((struct log_field){.name = (n), .kind = LOG_KIND_INT, .number = (v)})
#define LOG_ID(n, p, v) \
	((struct log_field){.name = (n), .kind = LOG_KIND_ID, .text = (p), .id = (v)})
#define LOG_ERR(e) LOG_TEXT("error", err_code(e))
#define LOG_END	   ((struct log_field){.kind = LOG_KIND_END})

/* program: "producer", ... stays valid for ever. Call once, before threads start. */
void log_open(const char *program, enum log_level least);
void log_set_level(enum log_level least);
/* "debug", "info", "warn", "error". Returns 0, or -1 when it is none of them. */
int log_level_parse(const char *text, enum log_level *ret);
void log_write(enum log_level level, const char *message, const struct log_field *fields);

#define LOG_AT(level, message, ...) \
	log_write(level, message, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END})
#define log_debug(message, ...) LOG_AT(LOG_LEVEL_DEBUG, message, __VA_ARGS__)
#define log_info(message, ...)	LOG_AT(LOG_LEVEL_INFO, message, __VA_ARGS__)
#define log_warn(message, ...)	LOG_AT(LOG_LEVEL_WARN, message, __VA_ARGS__)
#define log_error(message, ...) LOG_AT(LOG_LEVEL_ERROR, message, __VA_ARGS__)

#endif

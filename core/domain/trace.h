/* trace.h - W3C Trace Context: which request of the caller's a job belongs to.
 *
 * Threads: pure.  Memory: values. */
#ifndef DOMAIN_TRACE_H
#define DOMAIN_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACE_PARENT_LEN = 55, TRACE_PARENT_MAX = 56, TRACE_ID_MAX = 33 };

struct trace {
	uint8_t trace_id[16];
	uint8_t parent_id[8];
	uint8_t flags;
};

/* A traceparent header (https://www.w3.org/TR/trace-context/, 3.2). False, and it must be ignored,
 * when malformed; a later version is read as far as version 00 goes. */
bool trace_parse(const char *text, size_t len, struct trace *ret);
/* A trace of our own, sampled. */
struct trace trace_new(void);
/* The same trace, one span further: what we send on. */
struct trace trace_child(const struct trace *trace);
void trace_format(const struct trace *trace, char out[TRACE_PARENT_MAX]);
/* 32 hex digits: trace_id of the job. */
void trace_id_format(const struct trace *trace, char out[TRACE_ID_MAX]);

#endif

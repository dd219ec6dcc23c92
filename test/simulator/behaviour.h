/* behaviour.h - how the simulator shall behave, asked for in the model's name.
 *
 *   sim?ttft_ms=200&itl_ms=20&tokens=100&chunk_tokens=1&jitter=0.2&seed=7
 *
 * What stands before the question mark is the model's plain name. A test that
 * mistypes a parameter must not silently measure something else: an unknown name
 * or a value out of range refuses the call.
 *
 *   ttft_ms       silence before the first byte of the reply
 *   itl_ms        time between two tokens
 *   tokens        length of the answer; without it the answer is a summary of the prompt
 *   chunk_tokens  tokens in one event of a stream (a chunk comes every itl_ms * chunk_tokens)
 *   jitter        share by which every wait varies, both ways
 *   fail          HTTP status of a refusal; 1 closes the connection without a word
 *   fail_times    only the first so many calls of a job are refused, all others without it
 *   retry_after   seconds, sent with a refusal
 *   quota         1: a refusal says that the quota is spent
 *   rpm, tpm      a hard limit of requests, of tokens in and out; beyond it 429 (quota.h)
 *   window_ms     in which it holds, wherever it begins; 60000 without it
 *   filter        1: the answer ends by the content filter
 *   block         1: a refusal says that it is the content filter's
 *   deny          1: a key that begins with "bad" is refused, 401
 *   error_after   an error inside of the success, after so many tokens
 *   no_usage      1: the answer does not say what it used
 *   usage_each    1: each piece of a chat stream says what was used so far, if usage is asked for
 *   truncate      the connection closes after so many tokens, without an end marker
 *   hang_after    silence for ever after so many tokens
 *   malformed     1: after the first chunk comes an event that is not JSON
 *   bad_utf8      1: after the first chunk comes an event that is not UTF-8
 *   short_length  1: a whole body is twice as long as its Content-Length says
 *   headers       so many header lines of 1 kB, and nothing else
 *   gzip          1: a body in a coding that nobody asked for
 *   flood_mb      a body of so many MiB, all spaces
 *   drip          one byte every so many milliseconds
 *   stamp         1: each piece of a stream begins with ~ and the unix time in microseconds at
 *                 which it is sent, for measuring how long it travels
 *   share         share of the calls that fail, truncate, hang or are malformed (for faults)
 *   seed          everything random follows from it and the prompt
 *
 * Threads: pure.  Memory: values. */
#ifndef SIMULATOR_BEHAVIOUR_H
#define SIMULATOR_BEHAVIOUR_H

#include "ground/err.h"

#include <stddef.h>
#include <stdint.h>

/* A number for each parameter; below zero where nobody asked. */
struct behaviour {
	double ttft_ms;
	double itl_ms;
	double tokens;
	double chunk_tokens;
	double jitter;
	double fail;
	double fail_times;
	double retry_after;
	double quota;
	double rpm;
	double tpm;
	double window_ms;
	double filter;
	double block;
	double deny;
	double error_after;
	double no_usage;
	double usage_each;
	double truncate;
	double hang_after;
	double malformed;
	double bad_utf8;
	double short_length;
	double headers;
	double gzip;
	double flood_mb;
	double drip;
	double stamp;
	double share;
	double seed;
};

void behaviour_init(struct behaviour *b);
/* Sets one parameter. ERR_INVALID_FIELD when there is none of that name or its value is out of
 * range; then nothing changed. */
MUST_CHECK enum err behaviour_set(struct behaviour *b, const char *name, size_t len, double value);
/* Reads the query part of a model's name; a name without one asks for nothing.
 *   ERR_INVALID_FIELD   *ret untouched */
MUST_CHECK enum err behaviour_parse(const char *model, struct behaviour *ret);
/* What over asks for replaces what b asks for. */
void behaviour_overlay(struct behaviour *b, const struct behaviour *over);
/* Takes away all that makes a call go wrong. */
void behaviour_spare(struct behaviour *b);

/* The n-th random number of a seed. */
uint64_t behaviour_random(uint64_t seed, uint64_t n);
/* base_ms varied by the jitter for the n-th wait, in microseconds. */
int64_t behaviour_wait_us(const struct behaviour *b, double base_ms, uint64_t seed, uint64_t n);

#endif

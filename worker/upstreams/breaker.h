/* breaker.h - may an upstream be called, after how it fared lately.
 *
 *            failures                         time          an answer
 *   CLOSED -------------------> OPEN --------------> PROBING ---------> RAMPING
 *     ^                          ^ ^    one caller      |                | |  |
 *     |                          | +--- a failure ------+                | |  |
 *     |                          +------ share of failures --------------+ |  |
 *     +------------- after 5, 25, 50 % of the calls, a window each --------+--+
 *
 * It opens by the share of failures in a window, or by many in a row: after a long good time a
 * share takes half the window to show that an upstream is dead.
 * A failure is also a first token that came late. How long it stays open doubles
 * with each time in a row, with jitter on top so that breakers do not step in line.
 * A key's health is a breaker too, with rules of its own: it fails by 401, 402, 403.
 *
 * The machine does not act by itself: breaker_next says which state should follow,
 * and whoever holds the one true copy (Redis, or this process when Redis is away)
 * puts it in place. So all workers run this one machine, not several that vote.
 *
 * Threads: pure; clock and chance are the caller's.  Memory: values. */
#ifndef UPSTREAMS_BREAKER_H
#define UPSTREAMS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_STATE_TABLE(X) \
	X(CLOSED, "closed")    \
	X(OPEN, "open")        \
	X(PROBING, "probing")  \
	X(RAMPING, "ramping")
#define BREAKER_STATE_NAME(name, text) BREAKER_##name,
enum breaker_state { BREAKER_STATE_TABLE(BREAKER_STATE_NAME) BREAKER_STATES };
#undef BREAKER_STATE_NAME

/* What an operator set; AUTO leaves it to the counts. */
enum breaker_mode { BREAKER_AUTO, BREAKER_BLOCK, BREAKER_ALLOW, BREAKER_MODES };

enum { BREAKER_STAGES = 3, BREAKER_RAMP_CALLS = 3 };

struct breaker_rule {
	int64_t window_ms;
	double calls_min; /* fewer in the window decide nothing */
	double failure_percent;
	double row_min;		 /* failures in a row; 0 = they do not matter */
	double row_percent;	 /* while at least this share of the window failed */
	int64_t base_ms, max_ms; /* open: min(base * 2^n, max), and up to a fifth more */
	int64_t probe_ms;	 /* a probe without an answer for so long is lost */
	int64_t ramp_ms;	 /* each stage; 0 = none: the probe's answer closes */
};

struct breaker {
	enum breaker_state state;
	int opened;	  /* times in a row */
	int stage;	  /* RAMPING */
	int64_t until_ms; /* OPEN: to the probe; PROBING: to its loss; RAMPING: to the next stage */
	enum breaker_mode mode;
	int64_t mode_until_ms;
};

/* Calls of the window, or since the state began; and the failures since the last that was none. */
struct breaker_counts {
	double ok, bad, row;
};

/* A window that slides: the last whole one counts by the share of it that is still inside. */
struct breaker_window {
	int64_t index;
	struct breaker_counts now, before;
	double row;
};
void breaker_window_add(
	struct breaker_window *w, int64_t window_ms, int64_t now_ms, struct breaker_counts more);
struct breaker_counts breaker_window_sum(
	struct breaker_window *w, int64_t window_ms, int64_t now_ms);

/* True when the state should become *ret_next, whose counts then begin at zero. Never leads to
 * PROBING: that is breaker_probe's. */
bool breaker_next(const struct breaker *b, const struct breaker_rule *rule,
	struct breaker_counts counts, int64_t now_ms, uint64_t chance, struct breaker *ret_next);
/* One word for the history: why it went from one state to the other. */
const char *breaker_why(const struct breaker *from, const struct breaker *to);
/* True when a probe is due; the caller who puts *ret_next in place makes it. */
bool breaker_probe(const struct breaker *b, const struct breaker_rule *rule, int64_t now_ms,
	struct breaker *ret_next);

/* AUTO once its time is over. */
enum breaker_mode breaker_mode(const struct breaker *b, int64_t now_ms);
/* The share of calls that may go, in percent: 100, 50, 25, 5 or 0; a probe comes on top. */
int breaker_percent(const struct breaker *b, int64_t now_ms);

const char *breaker_state_text(enum breaker_state state);
const char *breaker_mode_text(enum breaker_mode mode);
/* BREAKER_STATES, BREAKER_MODES when the text is none of them. */
enum breaker_state breaker_state_from_text(const char *text);
enum breaker_mode breaker_mode_from_text(const char *text);

#endif

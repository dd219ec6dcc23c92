/* rows_permit.h - when an upstream may be called: breakers and pacing; see rows.h.
 *
 * Threads: constants. */
#ifndef CONFIG_ROWS_PERMIT_H
#define CONFIG_ROWS_PERMIT_H

/* clang-format off */
#define CONFIG_BREAKER(X)                                                                          \
	X(INT, window_ms, "10000", 100, 600000, "ms", LIVE, "calls are judged over so long")       \
	X(INT, calls_min, "20", 1, 100000, "calls", LIVE,                                          \
	  "in the window; fewer decide nothing")                                                   \
	X(INT, failure_percent, "50", 1, 100, "%", LIVE,                                           \
	  "of them failed or slow: the breaker opens")                                             \
	X(INT, failures_in_row, "10", 0, 100000, "calls", LIVE,                                    \
	  "of all workers together: the breaker opens, whatever the share; 0 = never")             \
	X(INT, slow_first_token_ms, "30000", 10, 86400000, "ms", LIVE,                             \
	  "a first token later than that counts as a failure")                                     \
	X(INT, open_base_ms, "2000", 10, 3600000, "ms", LIVE,                                      \
	  "open for so long the first time; it doubles, with up to a fifth of jitter")             \
	X(INT, open_max_ms, "60000", 10, 86400000, "ms", LIVE, "and no longer than that")          \
	X(INT, probe_ms, "30000", 10, 3600000, "ms", LIVE,                                         \
	  "a probe without an answer for so long is lost, and another goes")                       \
	X(INT, ramp_ms, "5000", 10, 3600000, "ms", LIVE,                                           \
	  "5, 25 and 50 % of the calls are let through for so long each")                          \
	X(INT, key_refusals, "3", 1, 1000, "", LIVE,                                               \
	  "401, 402 or 403 in a row, and nothing else in the window: the key is set aside")        \
	X(INT, key_base_ms, "60000", 10, 86400000, "ms", LIVE,                                     \
	  "a key is set aside for so long the first time; it doubles")                             \
	X(INT, key_max_ms, "3600000", 10, 86400000, "ms", LIVE, "and no longer than that")

#define CONFIG_PACING(X)                                                                           \
	X(BOOL, learn, "true", 0, 0, "", LIVE,                                                     \
	  "take limits from an upstream's rate headers where none are configured")                 \
	X(INT, headroom_percent, "2", 0, 50, "%", LIVE,                                            \
	  "of a configured limit is left unused, for clocks and networks that differ")             \
	X(INT, burst_ms, "200", 1, 60000, "ms", LIVE,                                              \
	  "what was not used of a configured limit is kept for so long")                           \
	X(INT, park_after_ms, "1000", 10, 60000, "ms", LIVE,                                       \
	  "a job that would wait longer for leave to call goes back to the record")                \
	X(INT, line_ms, "4000", 100, 60000, "ms", LIVE,                                            \
	  "jobs for so long are kept at hand for a limit, in up to a twentieth of the slots")      \
	X(INT, park_max_s, "600", 1, 86400, "s", LIVE, "and comes again after so long at latest")  \
	X(INT, sync_ms, "50", 5, 1000, "ms", LIVE, "between exchanges with Redis")                 \
	X(INT, slots_percent, "80", 1, 100, "%", LIVE,                                             \
	  "of a worker's slots may be in calls of one upstream, where there are several")
/* clang-format on */

#endif

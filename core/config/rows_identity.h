/* rows_identity.h - who may come, and by what. The shape of a row is in rows.h.
 *
 * Threads: constants. */
#ifndef CONFIG_ROWS_IDENTITY_H
#define CONFIG_ROWS_IDENTITY_H

/* clang-format off */
#define CONFIG_IDENTITY(X)                                                                         \
	X(TEXT, issuer, "longhaul", 1, 200, "", FIXED,                                             \
	  "iss of our own tokens, the same for all producers; others' issuers must differ")        \
	X(TEXT, audience, "longhaul", 1, 200, "", FIXED, "aud of our own tokens")                  \
	X(INT, token_ttl_s, "600", 60, 86340, "s", LIVE, "a token of ours lives")                  \
	X(INT, refresh_ttl_s, "2592000", 60, 34560000, "s", LIVE,                                  \
	  "a family of refresh tokens lives, from its first token on")                             \
	X(INT, tenant_revocations, "20000", 10, 1000000, "", LIVE,                                 \
	  "tokens and families that one tenant may have on the list of revocations at a time; "    \
	  "as many API keys may stand there beside them when its own people end one")              \
	X(INT, tenant_keys, "1000", 1, 1000000, "", LIVE,                                          \
	  "good API keys that one tenant may have when its own people make one; operators may "    \
	  "make more")                                                                             \
	X(INT, away_s, "60", 5, 60, "s", LIVE,                                                     \
	  "while Postgres does not answer a GET and open streams are let in by what was known "    \
	  "so long ago")                                                                           \
	X(NETWORKS, allow_networks, "", 0, 1000, "", LIVE,                                         \
	  "private networks in which issuers' keys may be fetched; none by default")               \
	X(BOOL, allow_http, "false", 0, 0, "", LIVE,                                               \
	  "may issuers' keys be fetched over plain HTTP? For tests: who is on the way "            \
	  "can then let in whom he likes")                                                         \
	X(INT, fetch_timeout_ms, "5000", 100, 15000, "ms", LIVE, "for one fetch of an issuer's keys") \
	X(INT, refuse_ms, "1000", 10, 10000, "ms", LIVE,                                           \
	  "a token of another issuer that cannot be proved is refused so long after it came, "     \
	  "whoever it names: nobody learns which issuers there are")                               \
	X(INT, stale_s, "86400", 0, 2592000, "s", LIVE,                                            \
	  "keys of an issuer that does not answer are believed so long after their last fetch")
/* clang-format on */

#endif

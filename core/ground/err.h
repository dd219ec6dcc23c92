/* err.h - every way a thing can end, in one table.
 *
 * A row says what the outcome is called (code: stable, on the wire and in logs),
 * which HTTP status a caller of the API sees, what becomes of a job that met it
 * (fate), and one sentence for people. Nobody switches on an error: ask the row.
 *
 * Threads: pure.  Memory: static. */
#ifndef GROUND_ERR_H
#define GROUND_ERR_H

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* What becomes of the job: it is done, it may try again, it may try again where
 * it has another key or upstream and fails at once otherwise, we drop what we hold
 * because it is another's by now, or it fails at once. */
enum fate { FATE_DONE, FATE_RETRY, FATE_ELSEWHERE, FATE_DROP, FATE_BURY };

/* clang-format off */
/*        name                  code                    http  fate   sentence */
#define ERR_TABLE(X)                                                                               \
	X(OK,                  "ok",                   200, DONE,  "done")                         \
	/* a caller's mistakes */                                                                  \
	X(INVALID_JSON,        "invalid_json",         400, BURY,  "the body is not valid JSON")   \
	X(INVALID_FIELD,       "invalid_field",        422, BURY,  "a field has a wrong value")    \
	X(UNKNOWN_QUEUE,       "unknown_queue",        422, BURY,  "no queue has this name")       \
	X(UNKNOWN_MODEL,       "unknown_model",        404, BURY,  "nobody serves a model of this name") \
	X(UNKNOWN_KIND,        "unknown_kind",         422, BURY,  "no kind of job has this name") \
	X(BAD_REQUEST,         "bad_request",          400, BURY,  "the request is malformed")     \
	X(TOO_LARGE,           "too_large",            413, BURY,  "larger than the limit")        \
	X(UNAUTHORIZED,        "unauthorized",         401, BURY,  "no valid key was given")       \
	X(FORBIDDEN,           "forbidden",            403, BURY,  "this key may not do that")     \
	X(APPROVAL,            "approval_needed",      403, BURY,                                  \
	  "a second person must approve of this first")                                            \
	X(NOT_FOUND,           "not_found",            404, BURY,  "there is no such thing")       \
	X(METHOD,              "method_not_allowed",   405, BURY,  "not with this method")         \
	X(REQUEST_TIMEOUT,     "request_timeout",      408, BURY,  "the request came too slowly")  \
	X(CONFLICT,            "conflict",             409, BURY,  "its state does not allow that") \
	X(IDEMPOTENCY,         "idempotency_conflict", 422, BURY,                                  \
	  "this Idempotency-Key was used with another body")                                       \
	X(RATE_LIMITED,        "rate_limited",         429, RETRY, "too many requests")            \
	X(TENANT_FULL,         "tenant_full",          429, RETRY,                                 \
	  "the tenant has as many jobs waiting as it may")                                         \
	/* of no use in a second: somebody has to do something, or days go by */                   \
	X(REVOCATIONS_FULL,    "revocations_full",     429, BURY,                                  \
	  "the tenant has as many revoked tokens on the list as it may")                           \
	X(KEYS_FULL,           "keys_full",            429, BURY,                                  \
	  "the tenant has as many good API keys as its own people may make: end some that are "    \
	  "needed no longer, or ask an operator, who may make more")                               \
	X(QUEUE_FULL,          "queue_full",           503, RETRY, "the queue is at its limit")    \
	X(QUEUE_DRAINING,      "queue_draining",       409, BURY,  "the queue takes no more jobs") \
	X(UNAVAILABLE,         "unavailable",          503, RETRY, "cannot be served right now")   \
	/* our own parts */                                                                        \
	X(NOMEM,               "out_of_memory",        503, RETRY, "out of memory")                \
	X(DB,                  "database",             503, RETRY, "the database refused or is away") \
	X(DB_UNKNOWN,          "database_unknown",     503, RETRY, "a commit's outcome is unknown") \
	X(DB_DATA,             "database_data",        500, BURY,  "the database refused a value") \
	X(LOST,                "lost",                 409, DROP,  "another holder owns the job")  \
	X(STREAM,              "stream",               503, RETRY, "Kafka refused or is away")     \
	X(SCRATCH,             "scratch",              503, RETRY, "Redis refused or is away")     \
	X(SYSTEM,              "system",               500, RETRY, "a system call failed")         \
	X(SEALING,             "sealing",              503, RETRY, "the key of what is sealed is gone or not here") \
	X(CONFIG,              "config",               500, BURY,  "the configuration is wrong")   \
	X(INTERNAL,            "internal",             500, BURY,  "longhaul made a mistake")      \
	/* how a model call ends */                                                                \
	X(UP_DNS,              "upstream_dns",         502, RETRY, "the upstream's name was not found") \
	X(UP_CONNECT,          "upstream_connect",     502, RETRY, "no connection to the upstream") \
	X(UP_TLS,              "upstream_tls",         502, RETRY, "no TLS with the upstream")     \
	X(UP_FIRST_BYTE,       "upstream_first_byte",  504, RETRY, "no first byte in time")        \
	X(UP_STALLED,          "upstream_stalled",     504, RETRY, "the stream stood still or crept") \
	X(UP_408,              "upstream_timeout",     504, RETRY, "the upstream timed out")       \
	X(UP_409,              "upstream_conflict",    502, RETRY, "the upstream saw a conflict")  \
	X(UP_425,              "upstream_too_early",   502, RETRY, "the upstream said: too early") \
	X(UP_RATE,             "upstream_rate",        502, RETRY, "the upstream's rate limit")    \
	X(UP_QUOTA,            "upstream_quota",       502, ELSEWHERE, "the upstream's quota is spent") \
	X(UP_500,              "upstream_error",       502, RETRY, "the upstream failed")          \
	X(UP_502,              "upstream_bad_gateway", 502, RETRY, "the upstream's gateway failed") \
	X(UP_503,              "upstream_unavailable", 502, RETRY, "the upstream is unavailable")  \
	X(UP_504,              "upstream_gateway_timeout", 502, RETRY, "the upstream's gateway timed out") \
	X(UP_529,              "upstream_overloaded",  502, RETRY, "the upstream is overloaded")   \
	X(UP_TRUNCATED,        "upstream_truncated",   502, RETRY, "the stream ended without its end marker") \
	X(UP_MALFORMED,        "upstream_malformed",   502, RETRY, "the upstream's body made no sense") \
	X(UP_FILTERED,         "upstream_content_filter", 502, BURY, "the upstream's filter refused") \
	X(UP_AUTH,             "upstream_auth",        502, ELSEWHERE, "the upstream refused our key") \
	X(UP_REJECTED,         "upstream_rejected",    502, BURY,  "the upstream refused the request") \
	X(UP_TOO_LARGE,        "upstream_too_large",   502, BURY,  "the reply is over the size limit") \
	X(NO_UPSTREAM,         "no_upstream",          502, BURY,  "no upstream serves this model") \
	/* why a model was not called yet: the job waits, its attempt does not count */             \
	X(UP_RETRY_AFTER,      "upstream_retry_after", 503, RETRY, "the upstream asked to be left alone for a while") \
	X(UP_BREAKER,          "upstream_breaker",     503, RETRY, "the upstream's breaker is open")  \
	X(UP_BLOCKED,          "upstream_blocked",     503, RETRY, "an operator blocked it")       \
	X(UP_KEY,              "upstream_key",         503, RETRY, "the upstream's key is set aside") \
	X(UP_RETRY_BUDGET,     "upstream_retry_budget", 503, RETRY, "too many retries of the upstream lately") \
	X(UP_CONCURRENCY,      "upstream_concurrency", 503, RETRY, "too many calls of the upstream at a time") \
	X(UP_PACING,           "upstream_pacing",      503, RETRY, "the upstream's limits are used up for now") \
	X(USER_TOKENS,         "user_tokens",          503, RETRY, "the user's limit of tokens is used up for now") \
	X(ROLE_TOKENS,         "role_tokens",          503, RETRY, "the limit of tokens of one of the user's roles is used up for now") \
	X(TENANT_TOKENS,       "tenant_tokens",        503, RETRY, "the tenant's limit of tokens is used up for now") \
	X(GLOBAL_TOKENS,       "global_tokens",        503, RETRY, "the installation's limit of tokens is used up for now") \
	/* how a webhook's delivery fails */                                                        \
	X(RECEIVER_URL,        "receiver_url",         502, BURY,  "the callback's address may not be called") \
	X(RECEIVER_GONE,       "receiver_gone",        502, BURY,  "the receiver said that it is gone") \
	X(RECEIVER_STATUS,     "receiver_status",      502, RETRY, "the receiver answered with a failure") \
	X(RECEIVER_ADDRESS,    "receiver_address",      502, RETRY, "the callback lies in a network that may not be called") \
	X(RECEIVER_DNS,        "receiver_dns",          502, RETRY, "the receiver's name was not found") \
	X(RECEIVER_CONNECT,    "receiver_connect",      502, RETRY, "no connection to the receiver") \
	X(RECEIVER_TLS,        "receiver_tls",          502, RETRY, "no TLS with the receiver") \
	X(RECEIVER_TIMEOUT,    "receiver_timeout",      502, RETRY, "the receiver did not answer in time") \
	X(RECEIVER_MALFORMED,  "receiver_malformed",    502, RETRY, "the receiver's answer made no sense") \
	/* how a job ends without a call's error */                                                \
	X(DEADLINE,            "deadline",             504, BURY,  "the job's deadline passed")    \
	X(ATTEMPT_TIMEOUT,     "attempt_timeout",      504, RETRY, "an attempt took too long")     \
	X(EXHAUSTED,           "attempts_exhausted",   502, BURY,  "every attempt failed")         \
	X(POISON,              "poison",               500, BURY,  "the job killed its workers; it is quarantined") \
	X(CANCELLED,           "cancelled",            409, BURY,  "the job was cancelled")        \
	X(CRASHED,             "worker_crashed",       500, RETRY, "the worker died in this job's step") \
	X(INTERRUPTED,         "interrupted",          500, RETRY, "the worker stopped or was lost")

/* clang-format on */

#define ERR_NAME(name, code, http, fate, text) ERR_##name,
enum err { ERR_TABLE(ERR_NAME) ERR_COUNT_ };
#undef ERR_NAME

/* The stable code, e.g. "invalid_field". */
const char *err_code(enum err e);
/* The HTTP status that a caller of the API sees. */
int err_http(enum err e);
enum fate err_fate(enum err e);
/* One sentence for people, without the final stop. */
const char *err_text(enum err e);
/* Finds a row by its code (stored attempts name it). ERR_INTERNAL when unknown. */
enum err err_from_code(const char *code);

#endif

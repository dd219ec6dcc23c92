/* access.h - asking about roles and users: a tenant's own, or as an operator any tenant's; and what
 * the commands that may lock somebody out have in common.
 *
 * Threads: one.  Memory: *ret_json belongs to the caller. */
#ifndef CLI_ACCESS_H
#define CLI_ACCESS_H

#include "client.h"
#include "listing.h"
#include "operator.h"

/* before + name + after is the path behind /v1 or, with --tenant, behind that tenant's part of the
 * operators' API; name is escaped. query: appended as it is, or NULL. body may be NULL and is
 * taken. ret_json may be NULL. */
struct access_ask {
	const char *method;
	const char *before, *name, *after;
	const char *query;
	json_t *body;
};
enum outcome access_ask(const struct call *call, const struct access_ask *ask, json_t **ret_json);
enum client_side access_side(const struct call *call);
/* Prints a list; path is that behind /v1, as in access_ask. */
enum outcome access_list_run(struct call *call, const char *path, const struct column *columns);
/* The arguments from the first on as an array of texts. */
json_t *access_words(const struct call *call, size_t first);
/* The words of a list with commas between. */
json_t *access_list(const char *words);

/* What to ask with, "?dry_run=true" or NULL, as --dry-run says. */
const char *access_dry_query(const struct call *call);
/* A line for each text of a list, the first one behind the head. */
void access_lines_show(const struct call *call, const char *head, const json_t *list);
/* How many a dry run says would be shut out: "nothing was changed: 2 API keys, 1 user would stop".
 * What is told as null is left out. On call->err a warning when the caller is among them. */
void access_shut_out_show(const struct call *call, const json_t *change, const char *done);
/* That warning alone. */
void access_warn(const struct call *call, const json_t *change);
/* Prints what a dry run told, with --json or by show. An older server may know no dry run of a
 * call, and then it has made it: that is said, and is a failure. change may be NULL and is taken.
 */
typedef void access_show_fn(const struct call *call, const json_t *change);
enum outcome access_dry_show(const struct call *call, json_t *change, access_show_fn *show);
/* The same of an operator's call that is asked here. */
enum outcome access_dry_run(
	const struct call *call, const struct operator_call *ask, access_show_fn *show);

#endif

/* listing.h - lists of the API as tables, page by page.
 *
 * A column names the member that it shows; members of members are reached with
 * dots. Pages are fetched until the limit is reached or the list ends.
 *
 * Threads: one.  Memory: a listing holds at most limit items at a time. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "client.h"

struct column {
	const char *head;   /* NULL ends the columns */
	const char *member; /* "usage.output_tokens" */
	/* LIMIT: a zero means that there is none; FREE: that all is free; MONEY: as many decimals
	 * in every row */
	enum {
		COLUMN_PLAIN,
		COLUMN_AGE,
		COLUMN_BYTES,
		COLUMN_LIMIT,
		COLUMN_FREE,
		COLUMN_MONEY
	} form;
};

enum { LISTING_ALL = 100000, LISTING_PAGE = 100 };

struct listing {
	const char *path;   /* with its filters as query */
	const json_t *body; /* not NULL: POST it to path, page by page */
	const struct column *columns;
	size_t limit;	   /* LISTING_ALL: pages are as long as the server likes */
	const char *after; /* start behind this cursor, or NULL */
};

/* Fetches and prints: one list object with --json, else a table. */
enum outcome listing_show(struct client *client, const struct listing *listing);
/* Opens a client on side, shows, closes. */
enum outcome listing_run(const struct call *call, enum client_side side, const char *path,
	const struct column *columns);

/* The same on the side of operator_side, narrowed to the tenant that --tenant names. */
enum outcome listing_of_tenant(
	const struct call *call, const char *path, const struct column *columns);

/* Items of a list as a table on call->out. */
enum outcome listing_table(
	const struct call *call, const struct column *columns, const json_t *items);

/* The text of a member (dots reach inside), "" when it is null or missing. */
void listing_text(const json_t *item, const char *member, struct buf *out);

#endif

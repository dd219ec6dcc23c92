/* form.h - a body of type application/x-www-form-urlencoded, as OAuth's calls have it.
 *
 * Each name once; names and values decode to text without NUL. Nothing else of the
 * type's history is taken.
 *
 * Threads: pure.  Memory: names and values point into the form's own copy. */
#ifndef HTTP_FORM_H
#define HTTP_FORM_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { FORM_MAX = 16 };

struct form {
	char *bytes;
	size_t len, n;
	struct form_pair {
		const char *name, *value;
	} pairs[FORM_MAX];
};

/*   ERR_INVALID_FIELD  a bad escape, a NUL, a name twice, more than FORM_MAX     ERR_NOMEM
 * On both there is nothing to clear. */
MUST_CHECK enum err form_read(const char *bytes, size_t len, struct form *ret_form);
/* NULL when it is not there or empty: RFC 6749 takes the two for the same. */
const char *form_text(const struct form *form, const char *name);
/* Wipes and frees. */
void form_clear(struct form *form);

#endif

/* origin.h - a tenant's list of places that may be called back.
 *
 * An entry is scheme://host, scheme://host:port or scheme://host:* (every port:
 * for development). Asked twice: when a job is accepted, and again when its
 * delivery is sent, because the list may have changed in between. The list says
 * who may be called; egress.h says which addresses, whatever the list says.
 *
 * Threads: pure.  Memory: nothing is kept. */
#ifndef DOMAIN_ORIGIN_H
#define DOMAIN_ORIGIN_H

#include "domain/url.h"

/* NULL when text is an entry, else the reason in words. */
const char *origin_entry_check(const char *text, size_t len);
/* Does the entry cover the address? An entry that is none covers nothing. */
bool origin_entry_covers(const char *text, size_t len, const struct url *url);

#endif

/* utf8.h - is it UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 *
 * Threads: pure. */
#ifndef GROUND_UTF8_H
#define GROUND_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length in bytes of the character at the start of text: 1..4, or 0 when none begins there. */
size_t utf8_step(const char *text, size_t len);
bool utf8_valid(const char *text, size_t len);
/* Characters in text, which must be valid. */
size_t utf8_count(const char *text, size_t len);
/* The largest n <= max that ends between two characters. */
size_t utf8_cut(const char *text, size_t len, size_t max);

#endif

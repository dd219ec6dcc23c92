/* money.h - US dollars in whole billionths: prices of single tokens are that small.
 *
 * 64 bits hold nine billion dollars. Sums and products stop at that limit rather
 * than wrap. On the wire money is a decimal text, never a floating number.
 *
 * Threads: pure.  Memory: values. */
#ifndef DOMAIN_MONEY_H
#define DOMAIN_MONEY_H

#include <stdbool.h>
#include <stdint.h>

enum { MONEY_TEXT_MAX = 24 };

/* "0.000120": six decimals, more only where they are not zero. */
void money_format(int64_t nano_usd, char out[MONEY_TEXT_MAX]);
/* Digits with at most nine decimals, no sign, no exponent. */
bool money_parse(const char *text, int64_t *ret_nano_usd);
int64_t money_add(int64_t a, int64_t b);
/* What tokens cost at a price per million of them, rounded up to a billionth. */
int64_t money_of_tokens(int64_t tokens, int64_t nano_usd_per_million);

#endif

#include "ground/utf8.h"

#include <stdint.h>

/* What may follow a first byte: how many bytes, and the range of the second, which
 * is where overlong forms, surrogates and the end of Unicode show. */
struct utf8_form {
	uint8_t first, last, len, least, most;
};

static const struct utf8_form UTF8_FORMS[] = {
	{0x00, 0x7f, 1, 0, 0},
	{0xc2, 0xdf, 2, 0x80, 0xbf},
	{0xe0, 0xe0, 3, 0xa0, 0xbf},
	{0xe1, 0xec, 3, 0x80, 0xbf},
	{0xed, 0xed, 3, 0x80, 0x9f},
	{0xee, 0xef, 3, 0x80, 0xbf},
	{0xf0, 0xf0, 4, 0x90, 0xbf},
	{0xf1, 0xf3, 4, 0x80, 0xbf},
	{0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct utf8_form *utf8_form(uint8_t first)
{
	for (size_t i = 0; i < sizeof(UTF8_FORMS) / sizeof(*UTF8_FORMS); i++) {
		if (first >= UTF8_FORMS[i].first && first <= UTF8_FORMS[i].last)
			return &UTF8_FORMS[i];
	}
	return NULL;
}

size_t utf8_step(const char *text, size_t len)
{
	const uint8_t *at = (const uint8_t *)text;
	const struct utf8_form *form = len > 0 ? utf8_form(at[0]) : NULL;

	if (form == NULL || form->len > len)
		return 0;
	if (form->len > 1 && (at[1] < form->least || at[1] > form->most))
		return 0;
	for (size_t i = 2; i < form->len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return form->len;
}

bool utf8_valid(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t n = (uint8_t)text[i] < 0x80 ? 1 : utf8_step(text + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

size_t utf8_count(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((uint8_t)text[i] & 0xc0) != 0x80;
	return n;
}

size_t utf8_cut(const char *text, size_t len, size_t max)
{
	size_t n = max;

	if (len <= max)
		return len;
	while (n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

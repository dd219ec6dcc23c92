#include "bench/shared/stamps.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1 << 16, ROOM_MAX = 1 << 24 };

void stamps_clear(struct stamps *s)
{
	free(s->took);
	*s = (struct stamps){0};
}

void stamps_add(struct stamps *s, int64_t took_us)
{
	if (s->n == s->room && s->room < ROOM_MAX) {
		size_t room = s->room ? s->room * 2 : FIRST_ROOM;
		int32_t *more = realloc(s->took, room * sizeof(*more));

		if (more) {
			s->took = more;
			s->room = room;
		}
	}
	if (s->n < s->room)
		s->took[s->n++] = took_us < INT32_MAX ? (int32_t)took_us : INT32_MAX;
	else
		s->dropped++;
}

size_t stamps_feed(
	struct stamps *s, struct stamp_scan *scan, const char *bytes, size_t len, int64_t now_us)
{
	size_t found = 0;

	for (size_t i = 0; i < len; i++) {
		if (scan->digits < 0) {
			const char *next = memchr(bytes + i, '~', len - i);

			if (!next)
				break;
			i = (size_t)(next - bytes);
			*scan = (struct stamp_scan){0, 0};
			continue;
		}
		scan->value = scan->value * 10 + (bytes[i] - '0');
		scan->digits = bytes[i] >= '0' && bytes[i] <= '9' ? scan->digits + 1 : -1;
		if (scan->digits == STAMP_DIGITS) {
			if (s)
				stamps_add(s, now_us - scan->value);
			scan->digits = -1;
			found++;
		}
	}
	return found;
}

static int by_size(const void *a, const void *b)
{
	const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

void stamps_sort(struct stamps *s)
{
	if (s->n)
		qsort(s->took, s->n, sizeof(*s->took), by_size);
}

int32_t stamps_at(const struct stamps *s, double share)
{
	size_t at = (size_t)((double)s->n * share);

	return s->n ? s->took[at < s->n ? at : s->n - 1] : 0;
}

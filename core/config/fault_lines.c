#include "config/fault_lines.h"

#include <stdlib.h>
#include <string.h>

struct fault_line {
	unsigned long line, column;
	const char *text;
	size_t len; /* with its newline */
};

static struct fault_line fault_line_read(const char *text, size_t len, size_t name_len)
{
	struct fault_line found = {.text = text, .len = len};
	char *end;

	if (len > name_len + 1) {
		found.line = strtoul(text + name_len + 1, &end, 10);
		found.column = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
	}
	return found;
}

static int fault_line_order(const void *a, const void *b)
{
	const struct fault_line *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->text < y->text ? -1 : 1;
}

static size_t fault_lines_count(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

enum err fault_lines_sort(struct buf *faults, size_t from, size_t name_len)
{
	char *text = faults->len > from ? strdup(faults->bytes + from) : NULL;
	const size_t n = text != NULL ? fault_lines_count(text) : 0;
	struct fault_line *lines = n > 0 ? calloc(n, sizeof(*lines)) : NULL;
	const char *at = text;
	enum err e = lines != NULL || faults->len == from ? ERR_OK : ERR_NOMEM;

	if (lines == NULL)
		goto out;
	for (size_t i = 0; i < n; i++) {
		lines[i] = fault_line_read(at, strcspn(at, "\n") + 1, name_len);
		at += lines[i].len;
	}
	qsort(lines, n, sizeof(*lines), fault_line_order);
	faults->len = from;
	for (size_t i = 0; i < n; i++)
		buf_append(faults, lines[i].text, lines[i].len);
	e = buf_err(faults);
out:
	free(lines);
	free(text);
	return e;
}

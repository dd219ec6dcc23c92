#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool output_is_terminal(FILE *out)
{
	int fd = fileno(out);

	return fd >= 0 && isatty(fd);
}

enum { JSON_MAX_BYTES = 1 << 30 };

/* A number as it was sent, and not as seventeen digits write it: the shortest that reads as the
 * same. at: its first byte; returns the byte behind it. */
static const char *put_number(struct buf *out, const char *at)
{
	char shortest[40];
	char *end;
	const double number = strtod(at, &end);

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(shortest, sizeof(shortest), "%.*g", digits, number);
		if (strtod(shortest, NULL) == number)
			break;
	}
	if (memchr(at, '.', (size_t)(end - at)) && strlen(shortest) < (size_t)(end - at))
		buf_printf(out, "%s%s", shortest, strpbrk(shortest, ".e") ? "" : ".0");
	else
		buf_append(out, at, (size_t)(end - at));
	return end;
}

static const char *string_end(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		at += *at == '\\' && at[1];
	return *at ? at + 1 : at;
}

void output_json_put(const char *text, struct buf *out)
{
	const char *from = text;

	while (*text) {
		if (*text == '"') {
			text = string_end(text);
		} else if (*text == '-' || (*text >= '0' && *text <= '9')) {
			buf_append(out, from, (size_t)(text - from));
			from = text = put_number(out, text);
		} else {
			text++;
		}
	}
	buf_append(out, from, (size_t)(text - from));
}

enum outcome output_json(const struct call *call, const json_t *value)
{
	size_t flags = output_is_terminal(call->out) ? JSON_INDENT(2) : JSON_COMPACT;
	char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
	struct buf out;
	enum outcome outcome = OUTCOME_OK;

	buf_init(&out, JSON_MAX_BYTES);
	if (text)
		output_json_put(text, &out);
	if (text && buf_char(&out, '\n') == ERR_OK)
		fwrite(out.bytes, 1, out.len, call->out);
	else
		outcome = call_fail(call, OUTCOME_FAILED, "out of memory");
	buf_clear(&out);
	free(text);
	return outcome;
}

enum outcome output_json_new(const struct call *call, json_t *value)
{
	enum outcome outcome;

	if (!value)
		return call_fail(call, OUTCOME_FAILED, "out of memory");
	outcome = output_json(call, value);
	json_decref(value);
	return outcome;
}

/* Bytes of the control character that begins at text, 0 when none does: C0 but newline and tab,
 * DEL, and C1 as UTF-8 writes them. */
static size_t control(const unsigned char *text, size_t len)
{
	if (text[0] == '\n' || text[0] == '\t')
		return 0;
	if (text[0] < ' ' || text[0] == 0x7f)
		return 1;
	if (len > 1 && text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0)
		return 2;
	return 0;
}

void output_text(FILE *out, const char *text, size_t len)
{
	bool guard = output_is_terminal(out);
	size_t begin = 0;

	for (size_t i = 0; guard && i < len;) {
		size_t n = control((const unsigned char *)text + i, len - i);

		if (n > 0) {
			fwrite(text + begin, 1, i - begin, out);
			fputc('?', out);
			begin = i + n;
		}
		i += n > 0 ? n : 1;
	}
	fwrite(text + begin, 1, len - begin, out);
}

enum { TABLE_MAX_BYTES = 64 << 20 };

/* Code points, which is close enough to columns for names and numbers. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void table_init(struct table *t, const char *const *names)
{
	memset(t, 0, sizeof(*t));
	t->names = names;
	while (names[t->columns]) {
		t->widths[t->columns] = width(names[t->columns]);
		t->columns++;
	}
	buf_init(&t->cells, TABLE_MAX_BYTES);
}

void table_cell(struct table *t, const char *text)
{
	size_t column = t->n++ % t->columns;

	if (!text || !*text)
		text = "-";
	if (width(text) > t->widths[column])
		t->widths[column] = width(text);
	buf_append(&t->cells, text, strlen(text) + 1);
}

void table_number(struct table *t, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	table_cell(t, text);
}

static void print_cell(
	const struct call *call, const struct table *t, size_t column, const char *text)
{
	bool last = column + 1 == t->columns;

	output_text(call->out, text, strlen(text));
	fprintf(call->out, "%*s", last ? 0 : (int)(t->widths[column] - width(text) + 2), "");
	if (last)
		fputc('\n', call->out);
}

enum outcome table_print(const struct call *call, struct table *t)
{
	const char *text = t->cells.bytes;

	if (buf_err(&t->cells) != ERR_OK)
		return call_fail(call, OUTCOME_FAILED, "%s", err_text(buf_err(&t->cells)));
	for (size_t i = 0; i < t->columns; i++)
		print_cell(call, t, i, t->names[i]);
	for (size_t i = 0, column = 0; i < t->n; i++) {
		print_cell(call, t, column, text);
		text += strlen(text) + 1;
		column = column + 1 < t->columns ? column + 1 : 0;
	}
	return OUTCOME_OK;
}

void table_clear(struct table *t)
{
	buf_clear(&t->cells);
}

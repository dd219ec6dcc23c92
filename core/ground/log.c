#include "ground/log.h"

#include "ground/clock.h"
#include "ground/utf8.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 2048, LOG_VALUE_MAX = 512 };

/* A line grows on the stack; what does not fit is left out whole, so that it stays JSON. */
struct log_line {
	size_t len;
	char text[LOG_LINE_MAX];
};

static const char *const LOG_NAMES[] = {"debug", "info", "warn", "error"};
static const char *log_program = "longhaul";
static _Atomic int log_least = LOG_LEVEL_INFO;

void log_open(const char *program, enum log_level least)
{
	log_program = program;
	log_set_level(least);
}

void log_set_level(enum log_level least)
{
	atomic_store_explicit(&log_least, (int)least, memory_order_relaxed);
}

int log_level_parse(const char *text, enum log_level *ret)
{
	for (int i = 0; text != NULL && i <= LOG_LEVEL_ERROR; i++) {
		if (strcmp(text, LOG_NAMES[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

static bool log_put(struct log_line *line, const char *bytes, size_t n)
{
	/* Two bytes stay free for the closing brace and the newline. */
	if (n > sizeof(line->text) - 2 - line->len)
		return false;
	memcpy(line->text + line->len, bytes, n);
	line->len += n;
	return true;
}

/* One character as JSON; bytes that are no UTF-8 become question marks. */
static bool log_character(struct log_line *line, const char *at, size_t n)
{
	unsigned char c = (unsigned char)*at;
	char escape[8];

	if (n == 0)
		return log_put(line, "?", 1);
	if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
		return log_put(line, at, n);
	return log_put(line, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
}

static bool log_quoted(struct log_line *line, const char *text)
{
	size_t len = strnlen(text, LOG_VALUE_MAX);
	bool ok = log_put(line, "\"", 1);

	if (len == LOG_VALUE_MAX)
		len = utf8_cut(text, len + 1, len);
	for (size_t i = 0; ok && i < len;) {
		size_t n = utf8_step(text + i, len - i);

		ok = log_character(line, text + i, n);
		i += n > 0 ? n : 1;
	}
	return ok && log_put(line, "\"", 1);
}

static bool log_name(struct log_line *line, const char *name)
{
	return (line->len == 1 || log_put(line, ",", 1)) && log_quoted(line, name) &&
	       log_put(line, ":", 1);
}

static bool log_value(struct log_line *line, const struct log_field *field)
{
	char text[ID_TEXT_MAX];

	if (field->kind == LOG_KIND_INT) {
		int n = snprintf(text, sizeof(text), "%lld", (long long)field->number);

		return log_put(line, text, (size_t)n);
	}
	if (field->kind == LOG_KIND_ID) {
		id_format(field->text, field->id, text);
		return log_quoted(line, text);
	}
	return log_quoted(line, field->text != NULL ? field->text : "");
}

static void log_field(struct log_line *line, const struct log_field *field)
{
	size_t start = line->len;

	if (!log_name(line, field->name) || !log_value(line, field))
		line->len = start;
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
	struct log_line line = {.len = 1, .text = "{"};
	char time[CLOCK_TEXT_MAX];

	if ((int)level < atomic_load_explicit(&log_least, memory_order_relaxed))
		return;
	clock_format(clock_record_ms(), time);
	log_field(&line, &LOG_TEXT("time", time));
	log_field(&line, &LOG_TEXT("level", LOG_NAMES[level]));
	log_field(&line, &LOG_TEXT("program", log_program));
	log_field(&line, &LOG_INT("pid", getpid()));
	log_field(&line, &LOG_TEXT("message", message));
	for (; fields->kind != LOG_KIND_END; fields++)
		log_field(&line, fields);
	memcpy(line.text + line.len, "}\n", 2);
	/* A log line that cannot be written has nowhere to be reported. */
	if (write(STDERR_FILENO, line.text, line.len + 2) < 0)
		return;
}

#include "domain/audit_line.h"

#include "ground/clock.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 64 };

struct writing {
	char *at, *end;
};

static void put(struct writing *w, const char *text)
{
	const size_t n = strlen(text), room = (size_t)(w->end - w->at);

	memcpy(w->at, text, n < room ? n : room);
	w->at += n < room ? n : room;
}

static void put_word(struct writing *w, const char *word)
{
	char clean[WORD_MAX + 1];
	size_t n = 0;

	for (; word && word[n] && n < WORD_MAX; n++) {
		const char c = word[n];

		clean[n] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'
				   ? c
				   : '?';
	}
	clean[n] = '\0';
	put(w, "\t");
	put(w, n ? clean : "-");
}

static void put_id(struct writing *w, const char *prefix, struct id id)
{
	char text[ID_TEXT_MAX] = "-";

	if (!id_is_zero(id))
		id_format(prefix, id, text);
	put(w, "\t");
	put(w, text);
}

/* What an action is done to: its noun says the kind of id. */
static const char *prefix_of(const char *action)
{
	static const struct {
		const char *noun, *prefix;
	} rows[] = {{"job.", "job"}, {"api_key.", "key"}, {"tenant.", "tnt"}, {"worker.", "wrk"},
		{"queue.", "que"}, {"token.", "tok"}};

	for (size_t i = 0; action && i < sizeof rows / sizeof *rows; i++)
		if (strncmp(action, rows[i].noun, strlen(rows[i].noun)) == 0)
			return rows[i].prefix;
	return "obj";
}

/* Machines are named by their ids, everybody else by a pseudonym. */
static const char *actor_prefix(const char *kind)
{
	const bool machine = kind && (strcmp(kind, "worker") == 0 || strcmp(kind, "leader") == 0);

	return machine ? "wrk" : "act";
}

static void put_time(struct writing *w, int64_t at_us)
{
	char text[CLOCK_TEXT_MAX], micro[8];

	clock_format(at_us / 1000, text);
	(void)snprintf(micro, sizeof micro, "%03dZ", (int)(at_us % 1000));
	text[strlen(text) - 1] = '\0';
	put(w, text);
	put(w, micro);
}

size_t audit_line_write(const struct audit_row *row, uint8_t out[AUDIT_LINE_MAX])
{
	struct writing w = {(char *)out + 1, (char *)out + AUDIT_LINE_MAX - 1};
	char count[24];

	out[0] = 0;
	(void)snprintf(count, sizeof count, "\t%lld", (long long)row->count);
	put_time(&w, row->at_us);
	put_id(&w, "tnt", row->tenant);
	put_word(&w, row->kind);
	put_id(&w, actor_prefix(row->kind), row->actor);
	put_id(&w, "src", row->source);
	put_id(&w, "key", row->credential);
	put_id(&w, "req", row->request);
	put_word(&w, row->action);
	put_id(&w, prefix_of(row->action), row->object);
	put_word(&w, row->outcome);
	put_word(&w, row->reason);
	put(&w, count);
	*w.at = '\0';
	return (size_t)(w.at - (char *)out);
}

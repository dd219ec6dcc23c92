#include "proxy/fault.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_CHARS = 15, NUMBER_MAX = 1000000000 };

/* number: where the second word goes. */
static const struct row {
	struct fault fault;
	size_t number;
} rows[] = {
	{{.name = "pass"}, 0},
	{{.name = "drop", .still = {true, true}}, 0},
	{{.name = "to-client", .still = {[TO_CLIENT] = true}}, 0},
	{{.name = "to-server", .still = {[TO_SERVER] = true}}, 0},
	{{.name = "reset", .resets = true}, 0},
	{{.name = "refuse", .resets = true, .deaf = true}, 0},
	{{.name = "half-open", .orphans = true}, 0},
	{{.name = "slow", .takes_number = true}, offsetof(struct fault, slow_per_s)},
	{{.name = "delay", .takes_number = true}, offsetof(struct fault, delay_ms)},
	{{.name = "cut", .takes_number = true}, offsetof(struct fault, cut_after)},
};

static const struct row *row_find(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].fault.name, name) == 0)
			return &rows[i];
	return NULL;
}

enum err fault_parse(const char *text, struct fault *ret)
{
	char name[NAME_MAX_CHARS + 1] = "", rest[2] = "";
	long long number = 0;
	int n = sscanf(text, "%15s %lld %1s", name, &number, rest);
	const struct row *row = n >= 1 ? row_find(name) : NULL;
	struct fault f;

	if (!row || n != (row->fault.takes_number ? 2 : 1))
		return ERR_INVALID_FIELD;
	if (n == 2 && (number < 1 || number > NUMBER_MAX))
		return ERR_INVALID_FIELD;
	f = row->fault;
	if (n == 2)
		*(int64_t *)(void *)((char *)&f + row->number) = number;
	*ret = f;
	return ERR_OK;
}

struct fault fault_none(void)
{
	return rows[0].fault;
}

#include "ports/scratch_channels.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct scratch_channel **place(struct scratch_channels *c, const char *name)
{
	uint32_t hash = 2166136261u;
	struct scratch_channel **at;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	for (at = &c->buckets[hash % SCRATCH_CHANNEL_BUCKETS]; *at; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0)
			break;
	return at;
}

enum err scratch_channels_add(struct scratch_channels *c, const char *name, bool *ret_first)
{
	struct scratch_channel **at = place(c, name);
	size_t len = strlen(name);

	*ret_first = !*at;
	if (!*at && c->n == SCRATCH_CHANNELS_MAX)
		return ERR_TOO_LARGE;
	if (!*at) {
		*at = calloc(1, sizeof **at + len + 1);
		if (!*at)
			return ERR_NOMEM;
		memcpy((*at)->name, name, len);
		c->n++;
	}
	(*at)->followers++;
	return ERR_OK;
}

bool scratch_channels_drop(struct scratch_channels *c, const char *name)
{
	struct scratch_channel **at = place(c, name), *gone = *at;

	if (!gone || --gone->followers > 0)
		return false;
	*at = gone->next;
	free(gone);
	c->n--;
	return true;
}

void scratch_channels_clear(struct scratch_channels *c)
{
	for (size_t i = 0; i < SCRATCH_CHANNEL_BUCKETS; i++)
		for (struct scratch_channel *at = c->buckets[i], *next; at; at = next) {
			next = at->next;
			free(at);
		}
	memset(c, 0, sizeof *c);
}

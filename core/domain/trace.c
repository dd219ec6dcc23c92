#include "domain/trace.h"

#include "ground/digest.h"

#include <stdio.h>
#include <string.h>

static bool trace_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return any == 0;
}

/* Hex digits in lower case only, as the standard has it. */
static bool trace_hex(const char *text, uint8_t *out, size_t len)
{
	char copy[33];

	for (size_t i = 0; i < 2 * len; i++) {
		if ((text[i] < '0' || text[i] > '9') && (text[i] < 'a' || text[i] > 'f'))
			return false;
	}
	memcpy(copy, text, 2 * len);
	copy[2 * len] = '\0';
	return digest_unhex(copy, out, len);
}

bool trace_parse(const char *text, size_t len, struct trace *ret)
{
	struct trace trace;
	uint8_t version;

	if (len < TRACE_PARENT_LEN || !trace_hex(text, &version, 1) || version == 0xff)
		return false;
	if (version == 0 ? len != TRACE_PARENT_LEN
			 : len > TRACE_PARENT_LEN && text[TRACE_PARENT_LEN] != '-')
		return false;
	if (text[2] != '-' || text[35] != '-' || text[52] != '-')
		return false;
	if (!trace_hex(text + 3, trace.trace_id, 16) || !trace_hex(text + 36, trace.parent_id, 8) ||
		!trace_hex(text + 53, &trace.flags, 1))
		return false;
	if (trace_zero(trace.trace_id, 16) || trace_zero(trace.parent_id, 8))
		return false;
	*ret = trace;
	return true;
}

struct trace trace_new(void)
{
	struct trace trace = {.flags = 1};

	digest_random(trace.trace_id, sizeof(trace.trace_id));
	digest_random(trace.parent_id, sizeof(trace.parent_id));
	return trace;
}

struct trace trace_child(const struct trace *trace)
{
	struct trace child = *trace;

	digest_random(child.parent_id, sizeof(child.parent_id));
	return child;
}

void trace_id_format(const struct trace *trace, char out[TRACE_ID_MAX])
{
	digest_hex(trace->trace_id, sizeof(trace->trace_id), out);
}

void trace_format(const struct trace *trace, char out[TRACE_PARENT_MAX])
{
	char parent[17];
	char id[TRACE_ID_MAX];

	trace_id_format(trace, id);
	digest_hex(trace->parent_id, sizeof(trace->parent_id), parent);
	snprintf(out, TRACE_PARENT_MAX, "00-%s-%s-%02x", id, parent, trace->flags & 1U);
}

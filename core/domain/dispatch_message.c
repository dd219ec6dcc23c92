#include "domain/dispatch_message.h"

#include <string.h>

enum { VERSION = 1, HEAD = 1 + 16 + 2, KEY = 32, TAIL = 4 };

static uint32_t checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 2166136261u;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

static void put32(uint8_t *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *in)
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

size_t dispatch_message_write(struct id batch, const struct dispatch_key *keys, size_t n,
	uint8_t out[DISPATCH_MESSAGE_BYTES_MAX])
{
	size_t len = HEAD;

	if (n == 0 || n > DISPATCH_MESSAGE_JOBS_MAX)
		return 0;
	out[0] = VERSION;
	memcpy(out + 1, batch.bytes, 16);
	out[17] = (uint8_t)(n >> 8);
	out[18] = (uint8_t)n;
	for (size_t i = 0; i < n; i++, len += KEY) {
		memcpy(out + len, keys[i].tenant.bytes, 16);
		memcpy(out + len + 16, keys[i].job.bytes, 16);
	}
	put32(out + len, checksum(out, len));
	return len + TAIL;
}

enum err dispatch_message_read(const void *bytes, size_t len, struct dispatch_message *ret_message)
{
	const uint8_t *in = bytes;
	size_t n;

	if (len < HEAD + KEY + TAIL || len > DISPATCH_MESSAGE_BYTES_MAX || in[0] != VERSION)
		return ERR_BAD_REQUEST;
	n = (size_t)in[17] << 8 | in[18];
	if (len != HEAD + n * KEY + TAIL || get32(in + len - TAIL) != checksum(in, len - TAIL))
		return ERR_BAD_REQUEST;
	memcpy(ret_message->batch.bytes, in + 1, 16);
	ret_message->n = n;
	ret_message->keys = in + HEAD;
	return ERR_OK;
}

struct dispatch_key dispatch_message_key(const struct dispatch_message *message, size_t i)
{
	struct dispatch_key key;

	memcpy(key.tenant.bytes, message->keys + i * KEY, 16);
	memcpy(key.job.bytes, message->keys + i * KEY + 16, 16);
	return key;
}

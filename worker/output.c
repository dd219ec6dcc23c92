#include "output.h"

#include <string.h>

enum { LENGTH_SIZE = 4 };

void output_open(struct output *o, int64_t from, int64_t last)
{
	*o = (struct output){.next = from + 1, .last = last, .run_seq = from + 1};
	buf_init(&o->lengths, OUTPUT_DELTAS_MAX * LENGTH_SIZE);
}

void output_clear(struct output *o)
{
	buf_clear(&o->lengths);
}

int64_t output_tell(struct output *o, size_t text_len)
{
	const size_t len = text_len - o->told;
	const unsigned char bytes[LENGTH_SIZE] = {(unsigned char)len, (unsigned char)(len >> 8),
		(unsigned char)(len >> 16), (unsigned char)(len >> 24)};

	if (!len || o->next >= o->last)
		return 0;
	if (buf_append(&o->lengths, bytes, sizeof(bytes)) != ERR_OK) {
		o->lengths.err = ERR_OK;
		return 0;
	}
	o->told = text_len;
	return o->next++;
}

bool output_is_low(const struct output *o)
{
	return !o->extending && o->last - o->next < OUTPUT_LOW;
}

void output_extended(struct output *o, int64_t last)
{
	if (last > o->last)
		o->last = last;
	o->extending = false;
}

size_t output_unwritten(const struct output *o)
{
	return o->lengths.len / LENGTH_SIZE;
}

void output_written(struct output *o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char *at = (const unsigned char *)o->lengths.bytes + i * LENGTH_SIZE;

		o->run_at += at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
	}
	o->run_seq += (int64_t)n;
	buf_skip(&o->lengths, n * LENGTH_SIZE);
}

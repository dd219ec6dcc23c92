#include "ground/id.h"

#include "ground/clock.h"
#include "ground/digest.h"

#include <stdatomic.h>
#include <string.h>

/* Layout, from the top: 48 bits of time, 4 of version, 3 of class, 9 of sequence,
 * 2 of variant, 7 of sequence, 55 of chance. */
enum { ID_SEQUENCE_BITS = 16, ID_VERSION = 7, ID_SUFFIX = 26 };

static const char ID_ALPHABET[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* The last (time, sequence) given out per class. A millisecond's sequence starts
 * at a random point of its lower half; a full one borrows from the next.
 * Before the record's time is known, and since: on a host whose clock is a day ahead the first
 * request's id would else draw all jobs' after it into tomorrow, until the program is restarted. */
static _Atomic uint64_t id_last[2][ID_CLASSES];

static uint64_t id_moment(unsigned klass, uint16_t chance)
{
	_Atomic uint64_t *const given = &id_last[clock_is_record()][klass];
	uint64_t fresh = (uint64_t)clock_record_ms() << ID_SEQUENCE_BITS | (chance & 0x7fff);
	uint64_t last = atomic_load_explicit(given, memory_order_relaxed);
	uint64_t next;

	do {
		next = fresh > last ? fresh : last + 1;
	} while (!atomic_compare_exchange_weak_explicit(
		given, &last, next, memory_order_relaxed, memory_order_relaxed));
	return next;
}

struct id id_new(unsigned klass)
{
	uint8_t chance[10];
	uint64_t moment;
	unsigned sequence;
	struct id id;

	digest_random(chance, sizeof(chance));
	klass %= ID_CLASSES;
	moment = id_moment(klass, (uint16_t)(chance[8] << 8 | chance[9]));
	sequence = moment & 0xffff;
	for (int i = 0; i < 6; i++)
		id.bytes[i] = (uint8_t)(moment >> (56 - 8 * i));
	id.bytes[6] = (uint8_t)(ID_VERSION << 4 | klass << 1 | sequence >> 15);
	id.bytes[7] = (uint8_t)(sequence >> 7);
	memcpy(id.bytes + 8, chance, 8);
	id.bytes[8] = (uint8_t)(0x80 | (sequence & 0x7f) >> 1);
	id.bytes[9] = (uint8_t)((sequence & 1) << 7 | (chance[1] & 0x7f));
	return id;
}

unsigned id_class(struct id id)
{
	return id.bytes[6] >> 1 & 7;
}

int64_t id_ms(struct id id)
{
	int64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id.bytes[i];
	return ms;
}

int id_compare(struct id a, struct id b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes));
}

bool id_equal(struct id a, struct id b)
{
	return id_compare(a, b) == 0;
}

bool id_is_zero(struct id id)
{
	return id_equal(id, (struct id){{0}});
}

/* TypeID: 128 bits as 26 digits of 5, so the first digit holds only 3. */
static unsigned id_digit(struct id id, int place)
{
	unsigned value = 0;

	for (int i = 0; i < 5; i++) {
		int bit = place * 5 + i - 2;

		value = value << 1;
		if (bit >= 0)
			value |= id.bytes[bit / 8] >> (7 - bit % 8) & 1U;
	}
	return value;
}

void id_format(const char *prefix, struct id id, char out[ID_TEXT_MAX])
{
	size_t n = strnlen(prefix, ID_TEXT_MAX - ID_SUFFIX - 2);

	memcpy(out, prefix, n);
	out[n++] = '_';
	for (int i = 0; i < ID_SUFFIX; i++)
		out[n++] = ID_ALPHABET[id_digit(id, i)];
	out[n] = '\0';
}

static bool id_suffix(const char *text, struct id *ret)
{
	struct id id = {{0}};

	if (strlen(text) != ID_SUFFIX || text[0] > '7')
		return false;
	for (int i = 0; i < ID_SUFFIX; i++) {
		const char *found = strchr(ID_ALPHABET, text[i]);

		if (found == NULL)
			return false;
		for (int k = 0; k < 5; k++) {
			int bit = i * 5 + k - 2;

			if (bit >= 0 && ((found - ID_ALPHABET) >> (4 - k) & 1))
				id.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		}
	}
	*ret = id;
	return true;
}

bool id_parse(const char *prefix, const char *text, struct id *ret)
{
	size_t n = strlen(prefix);

	if (text == NULL || strncmp(text, prefix, n) != 0 || text[n] != '_')
		return false;
	return id_suffix(text + n + 1, ret);
}

static const uint8_t ID_GROUPS[] = {4, 2, 2, 2, 6};

void id_uuid(struct id id, char out[ID_UUID_MAX])
{
	const uint8_t *from = id.bytes;

	for (size_t i = 0; i < sizeof(ID_GROUPS); i++) {
		digest_hex(from, ID_GROUPS[i], out);
		from += ID_GROUPS[i];
		out += 2 * ID_GROUPS[i];
		*out++ = '-';
	}
	out[-1] = '\0';
}

bool id_uuid_parse(const char *text, struct id *ret)
{
	struct id id;
	uint8_t *to = id.bytes;

	if (text == NULL || strlen(text) != ID_UUID_MAX - 1)
		return false;
	for (size_t i = 0; i < sizeof(ID_GROUPS); i++) {
		char group[13] = {0};
		size_t digits = 2U * ID_GROUPS[i];

		memcpy(group, text, digits);
		if (!digest_unhex(group, to, ID_GROUPS[i]) || text[digits] != (i < 4 ? '-' : '\0'))
			return false;
		to += ID_GROUPS[i];
		text += digits + 1;
	}
	*ret = id;
	return true;
}

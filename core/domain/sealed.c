#include "domain/sealed.h"

#include <stdlib.h>
#include <string.h>

#define PLACE_TEXT(name, text) [SEALED_##name] = text,
static const char *const place_texts[SEALED_PLACES_N] = {SEALED_PLACES(PLACE_TEXT)};
#undef PLACE_TEXT

const char *sealed_place_text(enum sealed_place place)
{
	return place_texts[place];
}

bool sealed_place_find(const char *text, enum sealed_place *ret_place)
{
	for (size_t i = 0; i < SEALED_PLACES_N; i++)
		if (strcmp(text, place_texts[i]) == 0) {
			*ret_place = (enum sealed_place)i;
			return true;
		}
	return false;
}

/* The build without protection, for the tests' control and for measuring what sealing costs. */
#ifdef CONTROL_WITHOUT_SEALING
enum { SEALS = 0 };
#else
enum { SEALS = 1 };
#endif

enum { KEY_HEAD = 8, VERSION_FIRST = 1, ABOUT_MAX = 128 };

static void number_put(uint64_t n, size_t bytes, uint8_t *out)
{
	for (size_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
}

static int32_t number_get(const uint8_t *in)
{
	return (int32_t)((uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 |
			 in[3]);
}

/* ---- what a value is bound to ---- */

/* Everything of fixed length first, then the one text: no two places spell the same bytes. */
struct about {
	uint8_t bytes[ABOUT_MAX];
	size_t len;
};

static void about_put(struct about *about, const void *bytes, size_t len)
{
	memcpy(about->bytes + about->len, bytes, len);
	about->len += len;
}

static struct digest_part about_part(const struct about *about)
{
	return (struct digest_part){about->bytes, about->len};
}

static void about_value(
	struct about *about, const struct sealed_box *box, struct sealed_where where)
{
	uint8_t part[8];

	number_put((uint64_t)where.part, sizeof(part), part);
	about->len = 0;
	about_put(about, box->tenant.bytes, sizeof(box->tenant.bytes));
	about_put(about, box->id.bytes, sizeof(box->id.bytes));
	about_put(about, where.row.bytes, sizeof(where.row.bytes));
	about_put(about, part, sizeof(part));
	about_put(about, box->version, sizeof(box->version));
	about_put(about, place_texts[where.place], strlen(place_texts[where.place]));
}

/* head: version and epoch. */
static void about_key(struct about *about, struct id tenant, struct id id, const uint8_t *head)
{
	about->len = 0;
	about_put(about, tenant.bytes, sizeof(tenant.bytes));
	about_put(about, id.bytes, sizeof(id.bytes));
	about_put(about, head, KEY_HEAD);
	about_put(about, "subject_key.wrapped", 19);
}

/* ---- data keys ---- */

bool sealed_key_there(const struct sealed_key *key)
{
	return number_get(key->wrapped) != 0;
}

int32_t sealed_key_epoch(const struct sealed_key *key)
{
	return number_get(key->wrapped + 4);
}

struct sealed_key sealed_key_of(struct id id, const void *bytes, size_t len)
{
	struct sealed_key key = {.id = id};

	if (bytes != NULL && len == SEALED_KEY_BYTES)
		memcpy(key.wrapped, bytes, len);
	return key;
}

static enum err key_wrap(struct keyring *ring, struct id tenant, const uint8_t data_key[AEAD_KEY],
	struct sealed_key *key)
{
	const int32_t epoch = keyring_active(ring);
	uint8_t *text = key->wrapped + KEY_HEAD + AEAD_NONCE;
	uint8_t master[AEAD_KEY];
	struct about about;

	if (!keyring_copy(ring, epoch, master))
		return ERR_SEALING;
	number_put((uint64_t)epoch, 4, key->wrapped + 4);
	about_key(&about, tenant, key->id, key->wrapped);
	memcpy(text, data_key, AEAD_KEY);
	aead_seal(master, about_part(&about), key->wrapped + KEY_HEAD, text, AEAD_KEY);
	digest_wipe(master, sizeof(master));
	return ERR_OK;
}

static bool key_unwrap(struct keyring *ring, struct id tenant, const struct sealed_key *key,
	uint8_t ret_data_key[AEAD_KEY])
{
	uint8_t master[AEAD_KEY];
	struct about about;
	bool opened;

	if (!sealed_key_there(key) || !keyring_copy(ring, sealed_key_epoch(key), master))
		return false;
	about_key(&about, tenant, key->id, key->wrapped);
	opened = aead_open(master, about_part(&about), key->wrapped + KEY_HEAD,
		key->wrapped + KEY_HEAD + AEAD_NONCE, AEAD_KEY + AEAD_TAG, ret_data_key);
	digest_wipe(master, sizeof(master));
	return opened;
}

enum err sealed_key_make(
	struct keyring *ring, struct id tenant, struct id id, struct sealed_key *ret_key)
{
	struct sealed_key key = {.id = id};
	uint8_t data_key[AEAD_KEY];
	enum err e;

	digest_random(data_key, sizeof(data_key));
	number_put(VERSION_FIRST, 4, key.wrapped);
	e = key_wrap(ring, tenant, data_key, &key);
	digest_wipe(data_key, sizeof(data_key));
	if (e == ERR_OK)
		*ret_key = key;
	return e;
}

enum err sealed_key_rewrap(struct keyring *ring, struct id tenant, const struct sealed_key *key,
	struct sealed_key *ret_key)
{
	struct sealed_key again = *key;
	uint8_t data_key[AEAD_KEY];
	enum err e;

	if (!key_unwrap(ring, tenant, key, data_key))
		return ERR_SEALING;
	e = key_wrap(ring, tenant, data_key, &again);
	digest_wipe(data_key, sizeof(data_key));
	if (e == ERR_OK)
		*ret_key = again;
	return e;
}

/* ---- a box ---- */

void sealed_box_open(struct sealed_box *box, struct keyring *ring, struct id tenant,
	const struct sealed_key *key)
{
	*box = (struct sealed_box){.tenant = tenant};
	if (ring == NULL)
		return;
	box->refuses_clear = SEALS && keyring_refuses_clear(ring);
	if (key == NULL)
		return;
	box->id = key->id;
	memcpy(box->version, key->wrapped, sizeof(box->version));
	box->there = key_unwrap(ring, tenant, key, box->key);
}

void sealed_box_close(struct sealed_box *box)
{
	digest_wipe(box, sizeof(*box));
}

/* ---- values ---- */

/* room: SEALED_HEAD bytes, the text, AEAD_TAG bytes. */
static void value_seal(
	const struct sealed_box *box, struct sealed_where where, uint8_t *room, size_t room_len)
{
	struct about about;

	about_value(&about, box, where);
	room[0] = SEALED_XCHACHA;
	memcpy(room + 1, box->version, sizeof(box->version));
	aead_seal(box->key, about_part(&about), room + 1 + sizeof(box->version), room + SEALED_HEAD,
		room_len - SEALED_OVERHEAD);
}

static enum err clear_close(const void *bytes, size_t len, struct buf *out)
{
	enum err e = buf_reserve(out, len + 1);

	if (e == ERR_OK)
		e = buf_char(out, SEALED_CLEAR);
	return e == ERR_OK && len > 0 ? buf_append(out, bytes, len) : e;
}

bool sealed_is_off(void)
{
	return !SEALS;
}

enum err sealed_room(const void *bytes, size_t len, struct buf *out)
{
	static const char empty[SEALED_HEAD] = {0};
	enum err e;

	if (!SEALS)
		return clear_close(bytes, len, out);
	e = buf_reserve(out, len + SEALED_OVERHEAD);
	if (e == ERR_OK)
		e = buf_append(out, empty, SEALED_HEAD);
	if (e == ERR_OK && len > 0)
		e = buf_append(out, bytes, len);
	return e == ERR_OK ? buf_append(out, empty, AEAD_TAG) : e;
}

enum err sealed_stand(
	const struct sealed_box *box, struct sealed_where where, char *room, size_t room_len)
{
	if (!SEALS)
		return ERR_OK;
	if (!box->there)
		return ERR_SEALING;
	value_seal(box, where, (uint8_t *)room, room_len);
	return ERR_OK;
}

enum err sealed_close(const struct sealed_box *box, struct sealed_where where, const void *bytes,
	size_t len, struct buf *out)
{
	const size_t at = out->len;
	enum err e;

	if (!SEALS)
		return clear_close(bytes, len, out);
	if (!box->there)
		return ERR_SEALING;
	e = sealed_room(bytes, len, out);
	if (e == ERR_OK)
		value_seal(box, where, (uint8_t *)out->bytes + at, out->len - at);
	return e;
}

static enum err clear_open(
	const struct sealed_box *box, const char *bytes, size_t len, struct sealed_view *ret_view)
{
	if (box->refuses_clear)
		return ERR_DB_DATA;
	*ret_view = (struct sealed_view){.bytes = bytes + 1, .len = len - 1};
	return ERR_OK;
}

static enum err value_open(const struct sealed_box *box, struct sealed_where where,
	const uint8_t *sealed, size_t len, struct sealed_view *ret_view)
{
	const size_t text = len - SEALED_OVERHEAD;
	struct about about;
	char *out;

	if (!box->there || memcmp(sealed + 1, box->version, sizeof(box->version)) != 0)
		return ERR_SEALING;
	out = malloc(text + 1);
	if (out == NULL)
		return ERR_NOMEM;
	about_value(&about, box, where);
	if (!aead_open(box->key, about_part(&about), sealed + 1 + sizeof(box->version),
		    sealed + SEALED_HEAD, text + AEAD_TAG, out)) {
		free(out);
		return ERR_SEALING;
	}
	out[text] = '\0';
	*ret_view = (struct sealed_view){.bytes = out, .len = text, .owned = out};
	return ERR_OK;
}

enum err sealed_open(const struct sealed_box *box, struct sealed_where where, const void *sealed,
	size_t len, struct sealed_view *ret_view)
{
	const uint8_t *bytes = sealed;

	if (len > 0 && bytes[0] == SEALED_CLEAR)
		return clear_open(box, sealed, len, ret_view);
	if (len < SEALED_OVERHEAD || bytes[0] != SEALED_XCHACHA)
		return ERR_DB_DATA;
	return value_open(box, where, bytes, len, ret_view);
}

void sealed_view_clear(struct sealed_view *view)
{
	if (view == NULL)
		return;
	if (view->owned != NULL)
		digest_wipe(view->owned, view->len);
	free(view->owned);
	*view = (struct sealed_view){0};
}

static void sealed_length(size_t n, uint8_t out[8])
{
	number_put((uint64_t)n, 8, out);
}

void sealed_match(const uint8_t key[SEALED_MATCH_KEY], const char *what, struct sealed_pair pair,
	uint8_t out[DIGEST_SIZE])
{
	uint8_t lengths[3][8];
	const struct digest_part parts[] = {
		{lengths, sizeof(lengths)},
		{what, strlen(what)},
		{pair.name, pair.name_len},
		{pair.value, pair.value_len},
	};

	sealed_length(strlen(what), lengths[0]);
	sealed_length(pair.name_len, lengths[1]);
	sealed_length(pair.value_len, lengths[2]);
	digest_hmac(key, SEALED_MATCH_KEY, parts, sizeof(parts) / sizeof(*parts), out);
}

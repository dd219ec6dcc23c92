#include "upstreams/json_text.h"

#include "ground/utf8.h"

#include <stdint.h>
#include <string.h>

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* at: the opening quote. Returns behind the closing one, or NULL. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at < end ? at + 1 : NULL;
}

/* Nesting is counted, not recursed into: brackets need not match in kind, the text was checked. */
static const char *skip_nested(const char *at, const char *end)
{
	size_t depth = 0;

	while (at && at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return NULL;
}

static const char *skip_value(const char *at, const char *end)
{
	const char *from = at;

	if (at < end && *at == '"')
		return skip_string(at, end);
	if (at < end && (*at == '{' || *at == '['))
		return skip_nested(at, end);
	while (at < end && !strchr(",}] \t\r\n", *at))
		at++;
	return at > from ? at : NULL;
}

/* A walk over an object's members. */
struct walk {
	const char *at, *end;
	struct json_text name, value; /* name without quotes */
	bool closed;		      /* at stands on the closing brace */
	size_t members;
};

static bool walk_open(struct walk *w, struct json_text object)
{
	*w = (struct walk){.end = object.at + object.len};
	w->at = skip_space(object.at, w->end);
	if (w->at >= w->end || *w->at != '{')
		return false;
	w->at++;
	return true;
}

static bool walk_next(struct walk *w)
{
	const char *at = skip_space(w->at, w->end);
	const char *after;

	if (w->members && at < w->end && *at == ',')
		at = skip_space(at + 1, w->end);
	w->closed = at < w->end && *at == '}';
	w->at = at;
	if (at >= w->end || *at != '"' || !(after = skip_string(at, w->end)))
		return false;
	w->name = (struct json_text){at + 1, (size_t)(after - at) - 2};
	at = skip_space(after, w->end);
	if (at >= w->end || *at != ':')
		return false;
	at = skip_space(at + 1, w->end);
	after = skip_value(at, w->end);
	if (!after)
		return false;
	w->value = (struct json_text){at, (size_t)(after - at)};
	w->at = after;
	w->members++;
	return true;
}

/* A name may be spelt with escapes; then it is read first. */
static bool name_is(struct json_text name, const char *want, size_t len)
{
	struct buf read;
	const char *after;
	bool same;

	if (!memchr(name.at, '\\', name.len))
		return name.len == len && memcmp(name.at, want, len) == 0;
	buf_init(&read, name.len + 1);
	same = json_text_string(name.at, name.at + name.len + 1, &read, &after) == ERR_OK &&
	       read.len == len && memcmp(read.bytes, want, len) == 0;
	buf_clear(&read);
	return same;
}

static bool walk_find(struct walk *w, const char *name)
{
	const size_t len = strlen(name);

	while (walk_next(w))
		if (name_is(w->name, name, len))
			return true;
	return false;
}

bool json_text_member(struct json_text object, const char *name, struct json_text *ret_value)
{
	struct walk w;

	if (!walk_open(&w, object) || !walk_find(&w, name))
		return false;
	*ret_value = w.value;
	return true;
}

bool json_text_first(struct json_text array, struct json_text *ret_value)
{
	const char *end = array.at + array.len;
	const char *at = skip_space(array.at, end), *after;

	if (at >= end || *at != '[')
		return false;
	at = skip_space(at + 1, end);
	after = skip_value(at, end);
	if (!after)
		return false;
	*ret_value = (struct json_text){at, (size_t)(after - at)};
	return true;
}

enum err json_text_set(
	struct json_text object, const char *name, const char *value, struct buf *out)
{
	struct walk w;
	const char *rest;

	if (!walk_open(&w, object))
		return ERR_INVALID_JSON;
	if (walk_find(&w, name)) {
		rest = w.value.at + w.value.len;
		buf_append(out, object.at, (size_t)(w.value.at - object.at));
	} else if (w.closed) {
		rest = w.at;
		buf_append(out, object.at, (size_t)(w.at - object.at));
		buf_printf(out, "%s\"%s\":", w.members ? "," : "", name);
	} else {
		return ERR_INVALID_JSON;
	}
	buf_text(out, value);
	buf_append(out, rest, (size_t)(object.at + object.len - rest));
	return buf_err(out);
}

static int hex4(const char *at, const char *end)
{
	int value = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		const char c = at[i];
		const int digit = c >= '0' && c <= '9'	 ? c - '0'
				  : c >= 'a' && c <= 'f' ? c - 'a' + 10
				  : c >= 'A' && c <= 'F' ? c - 'A' + 10
							 : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static void utf8_write(struct buf *out, uint32_t c)
{
	char text[4];
	size_t n = 0;

	if (c < 0x80) {
		text[n++] = (char)c;
	} else if (c < 0x800) {
		text[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		text[n++] = (char)(0xe0 | c >> 12);
		text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		text[n++] = (char)(0xf0 | c >> 18);
		text[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		text[n++] = (char)(0x80 | (c & 0x3f));
	buf_append(out, text, n);
}

/* at: behind "\u". Returns behind the escape, NULL when it names no character. */
static const char *unescape_unicode(const char *at, const char *end, struct buf *out)
{
	const int high = hex4(at, end);
	int low;

	if (high <= 0 || (high >= 0xdc00 && high < 0xe000))
		return NULL;
	at += 4;
	if (high < 0xd800 || high >= 0xe000) {
		utf8_write(out, (uint32_t)high);
		return at;
	}
	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return NULL;
	low = hex4(at + 2, end);
	if (low < 0xdc00 || low >= 0xe000)
		return NULL;
	utf8_write(out, 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
	return at + 6;
}

/* at: behind the backslash. */
static const char *unescape(const char *at, const char *end, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;

	if (at >= end || !*at)
		return NULL;
	if (*at == 'u')
		return unescape_unicode(at + 1, end, out);
	hit = strchr(from, *at);
	if (!hit)
		return NULL;
	buf_char(out, to[hit - from]);
	return at + 1;
}

enum err json_text_string(const char *at, const char *end, struct buf *out, const char **ret_after)
{
	const char *run = at;

	while (at < end && *at != '"') {
		if ((unsigned char)*at < 0x20)
			return ERR_INVALID_JSON;
		if (*at != '\\') {
			at++;
			continue;
		}
		if (!utf8_valid(run, (size_t)(at - run)))
			return ERR_INVALID_JSON;
		buf_append(out, run, (size_t)(at - run));
		at = run = unescape(at + 1, end, out);
		if (!at)
			return ERR_INVALID_JSON;
	}
	if (at >= end || !utf8_valid(run, (size_t)(at - run)))
		return ERR_INVALID_JSON;
	buf_append(out, run, (size_t)(at - run));
	*ret_after = at + 1;
	return buf_err(out);
}

#include "domain/audit_check.h"

#include "domain/audit_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HASH_CHARS = 44, NUMBER_MAX = 19 };

/* ---- faults ---- */

void audit_check_init(struct audit_check *c)
{
	memset(c, 0, sizeof *c);
	buf_init(&c->note, CHECKPOINT_TEXT_MAX);
	buf_init(&c->gathering, CHECKPOINT_TEXT_MAX);
	buf_init(&c->line, AUDIT_LINE_BYTES_MAX);
}

void audit_check_clear(struct audit_check *c)
{
	buf_clear(&c->note);
	buf_clear(&c->gathering);
	buf_clear(&c->line);
}

static bool fault(struct audit_check *c, uint64_t at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool fault(struct audit_check *c, uint64_t at, const char *format, ...)
{
	va_list args;

	if (c->faulty)
		return false;
	va_start(args, format);
	(void)vsnprintf(c->fault, sizeof c->fault, format, args);
	va_end(args);
	c->fault_at = at;
	c->faulty = true;
	return false;
}

/* Whatever is wrong since the last checkpoint that held. */
static bool fault_between(struct audit_check *c, uint64_t upto, const char *why)
{
	const uint64_t from = c->signed_size > c->first ? c->signed_size : c->first;

	return fault(c, from, "of the rows %" PRIu64 " to %" PRIu64 " %s", from,
		upto > from ? upto - 1 : from, why);
}

/* ---- checkpoints ---- */

static bool outside_meet(struct audit_check *c)
{
	struct merkle_hash root;

	if (!c->outside || c->outside->tree.size != c->tree.size)
		return true;
	root = merkle_root(&c->tree);
	c->met = merkle_equal(&root, &c->outside->tree.root);
	return c->met || fault_between(c, c->tree.size,
				 "at least one is not what the checkpoint from outside signed");
}

/* The note that was gathered stands behind the row before this one. */
static bool note_end(struct audit_check *c)
{
	struct merkle_hash root;
	struct checkpoint point;
	enum err e;

	if (c->gathering.len == 0)
		return true;
	root = merkle_root(&c->tree);
	e = checkpoint_read(c->gathering.bytes, c->gathering.len, c->keys, c->keys_n, &point);
	if (e == ERR_FORBIDDEN)
		return fault_between(c, c->tree.size,
			"nothing is proved: the checkpoint behind them is signed by no trusted key; after a rotation "
			"every key is needed: audit.checkpoint_dir has all in its file keys");
	if (e != ERR_OK || strcmp(point.log, c->log) != 0)
		return fault_between(c, c->tree.size,
			"nothing is proved: the checkpoint behind them is damaged");
	if (point.tree.size != c->tree.size)
		return fault_between(c,
			point.tree.size > c->tree.size ? point.tree.size : c->tree.size,
			point.tree.size > c->tree.size ? "some are missing" : "some were put in");
	if (!merkle_equal(&root, &point.tree.root))
		return fault_between(c, c->tree.size, "at least one is not what was signed");
	if (point.signed_by < c->signed_by)
		return fault_between(c, c->tree.size,
			"nothing is proved: the checkpoint behind them is signed by a key that another had followed");
	c->signed_by = point.signed_by;
	c->checkpoints++;
	c->signed_size = point.tree.size;
	c->signed_ms = point.at_ms;
	buf_reset(&c->note);
	(void)buf_append(&c->note, c->gathering.bytes, c->gathering.len);
	buf_reset(&c->gathering);
	return true;
}

static bool note_line(struct audit_check *c, const char *line, size_t len)
{
	const bool formed = len == 1 || line[1] == ' ';

	(void)buf_append(&c->gathering, line + (len > 1 ? 2 : 1), len > 1 ? len - 2 : 0);
	return (formed && buf_char(&c->gathering, '\n') == ERR_OK) ||
	       fault(c, c->tree.size, "the checkpoint behind row %" PRIu64 " is damaged",
		       c->tree.size);
}

/* ---- the head ---- */

static bool number_read(const char *text, size_t len, uint64_t *ret)
{
	uint64_t n = 0;

	if (len == 0 || len > NUMBER_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = 10 * n + (uint64_t)(text[i] - '0');
	}
	*ret = n;
	return true;
}

static bool hash_read(const char *text, size_t len, struct merkle_hash *ret)
{
	size_t n = 0;

	return digest_base64_decode(DIGEST_BASE64, text, len, ret->bytes, sizeof ret->bytes, &n) &&
	       n == sizeof ret->bytes;
}

static bool head_audit(struct audit_check *c, const char *text, size_t len)
{
	return len == 1 && *text == '1';
}

static bool head_log(struct audit_check *c, const char *text, size_t len)
{
	char log[CHECKPOINT_NAME_MAX] = "";

	if (len >= sizeof log)
		return false;
	memcpy(log, text, len);
	if (*c->log)
		return strcmp(c->log, log) == 0;
	memcpy(c->log, log, sizeof log);
	return checkpoint_name_fits(log);
}

/* Only who trusts no key yet takes the file's own. */
static bool head_key(struct audit_check *c, const char *text, size_t len)
{
	struct checkpoint_key key;

	if (!checkpoint_key_parse(text, len, &key))
		return false;
	if (c->keys_n == 0)
		c->own_keys = true;
	if (c->own_keys && c->keys_n < AUDIT_KEYS_MAX)
		c->keys[c->keys_n++] = key;
	return true;
}

static bool head_first(struct audit_check *c, const char *text, size_t len)
{
	uint64_t first;

	if (!number_read(text, len, &first))
		return false;
	if (c->began && first != c->tree.size)
		return fault(c, c->tree.size,
			"row %" PRIu64 " is missing: the next file begins with row %" PRIu64,
			c->tree.size, first);
	if (!c->began)
		c->first = c->tree.size = first;
	c->began = true;
	c->peaks = 0;
	return true;
}

/* The first file's frontier is believed when a checkpoint says so; a later file's must be ours. */
static bool head_peak(struct audit_check *c, const char *text, size_t len)
{
	struct merkle_hash peak;

	if (!c->began || c->peaks >= merkle_peaks(c->tree.size) || !hash_read(text, len, &peak))
		return false;
	if (c->first != c->tree.size && !merkle_equal(&peak, &c->tree.peaks[c->peaks]))
		return fault(c, c->tree.size, "the tree before row %" PRIu64 " is another",
			c->tree.size);
	c->tree.peaks[c->peaks++] = peak;
	return true;
}

static bool head_columns(struct audit_check *c, const char *text, size_t len)
{
	return c->began && c->peaks == merkle_peaks(c->tree.size) && len == strlen(AUDIT_COLUMNS) &&
	       memcmp(text, AUDIT_COLUMNS, len) == 0;
}

static bool head_end(struct audit_check *c, const char *text, size_t len)
{
	uint64_t size;

	if (!number_read(text, len, &size))
		return false;
	if (size != c->tree.size)
		return fault(c, c->tree.size, "row %" PRIu64 " is missing at the end of the file",
			c->tree.size);
	c->ended = true;
	return true;
}

static bool head_line(struct audit_check *c, const char *line, size_t len)
{
	static const struct {
		const char *word;
		bool (*take)(struct audit_check *, const char *, size_t);
	} words[] = {{"@audit ", head_audit}, {"@log ", head_log}, {"@key ", head_key},
		{"@first ", head_first}, {"@peak ", head_peak}, {"@columns ", head_columns},
		{"@end ", head_end}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const size_t n = strlen(words[i].word);

		if (len < n || memcmp(line, words[i].word, n) != 0)
			continue;
		return words[i].take(c, line + n, len - n) ||
		       fault(c, c->tree.size, "the line %s.. before row %" PRIu64 " is damaged",
			       words[i].word, c->tree.size);
	}
	return fault(c, c->tree.size, "no audit file: a line is not known");
}

/* ---- rows ---- */

static bool row_numbered(struct audit_check *c, uint64_t number)
{
	const uint64_t at = c->tree.size;

	if (number == at)
		return true;
	if (number > at)
		return fault(c, at, "row %" PRIu64 " is missing", at);
	return fault(
		c, at, "row %" PRIu64 " was put in: it says that it is row %" PRIu64, at, number);
}

/* Base 64 of a hash, as libsodium writes it. Its decoder takes the same time for every secret,
 * which is several times what the hash itself takes: this is no secret, and every row passes here.
 */
static void hash_write(const struct merkle_hash *hash, char out[HASH_CHARS])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const uint8_t *b = hash->bytes;

	for (size_t i = 0; i < 11; i++, b += 3) {
		const uint32_t bits =
			(uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | (i < 10 ? (uint32_t)b[2] : 0);

		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = digits[bits >> 6 & 63];
		*out++ = digits[bits & 63];
	}
	out[-1] = '=';
}

/* hash points behind the position: hash, tab, the row. The tab is where the leaf's prefix goes. */
static bool row_hashed(struct audit_check *c, char *hash, size_t len)
{
	const uint64_t at = c->tree.size;
	char text[HASH_CHARS];
	struct merkle_hash leaf;

	if (len >= 2 && hash[0] == '-' && hash[1] == '\t')
		return fault(c, at, "row %" PRIu64 " has no place in the tree: it was put in", at);
	if (len < HASH_CHARS + 1 || hash[HASH_CHARS] != '\t')
		return fault(c, at, "row %" PRIu64 " has a damaged hash", at);
	if (len == HASH_CHARS + 1)
		return fault(c, at, "row %" PRIu64 " is missing from the record", at);
	leaf = merkle_leaf((uint8_t *)hash + HASH_CHARS, len - HASH_CHARS);
	hash_write(&leaf, text);
	if (memcmp(hash, text, sizeof text) != 0)
		return fault(c, at, "row %" PRIu64 " is not the one that got this place", at);
	if (c->row && at == c->wanted)
		(void)buf_append(c->row, hash + HASH_CHARS + 1, len - HASH_CHARS - 1);
	if (c->leaves)
		(void)buf_append(c->leaves, leaf.bytes, sizeof leaf.bytes);
	merkle_append(&c->tree, &leaf);
	return true;
}

static bool row_line(struct audit_check *c, char *line, size_t len)
{
	char *tab = memchr(line, '\t', len < NUMBER_MAX + 1 ? len : NUMBER_MAX + 1);
	uint64_t number;

	if (!c->began || c->ended)
		return fault(c, c->tree.size, "no audit file: a row stands outside of it");
	if (!tab || !number_read(line, (size_t)(tab - line), &number))
		return fault(c, c->tree.size, "row %" PRIu64 " is damaged", c->tree.size);
	return outside_meet(c) && row_numbered(c, number) &&
	       row_hashed(c, tab + 1, len - (size_t)(tab + 1 - line));
}

/* ---- lines ---- */

static bool line_take(struct audit_check *c, char *line, size_t len)
{
	if (len > 0 && *line == '#')
		return note_line(c, line, len);
	if (!note_end(c))
		return false;
	return len > 0 && *line == '@' ? head_line(c, line, len) : row_line(c, line, len);
}

static bool carried_take(struct audit_check *c)
{
	const bool fine = line_take(c, c->line.bytes, c->line.len);

	buf_reset(&c->line);
	return fine;
}

void audit_check_file(struct audit_check *c)
{
	c->ended = false;
	buf_reset(&c->line);
	buf_reset(&c->gathering);
}

bool audit_check_feed(struct audit_check *c, char *bytes, size_t len)
{
	char *end = bytes + len;

	while (!c->faulty && bytes < end) {
		char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
		const size_t n = (size_t)((stop ? stop : end) - bytes);

		if (c->line.len + n > AUDIT_LINE_BYTES_MAX ||
			((!stop || c->line.len > 0) && buf_append(&c->line, bytes, n) != ERR_OK))
			return fault(c, c->tree.size, "row %" PRIu64 " is damaged: it is too long",
				c->tree.size);
		if (stop && c->line.len > 0)
			(void)carried_take(c);
		else if (stop)
			(void)line_take(c, bytes, n);
		bytes += n + (stop != NULL);
	}
	return !c->faulty;
}

bool audit_check_end(struct audit_check *c)
{
	if (c->faulty)
		return false;
	if (c->line.len > 0 || !c->ended)
		return fault(c, c->tree.size, "row %" PRIu64 " is missing: the file is cut",
			c->tree.size);
	return outside_meet(c);
}

bool audit_check_met(struct audit_check *c)
{
	if (c->faulty)
		return false;
	if (!c->outside || c->met)
		return true;
	if (c->outside->tree.size > c->tree.size)
		return fault(c, c->tree.size,
			"row %" PRIu64 " is missing: the checkpoint from outside counts %" PRIu64
			" rows",
			c->tree.size, c->outside->tree.size);
	return fault(c, c->first,
		"the checkpoint from outside is older than row %" PRIu64 ", the first", c->first);
}

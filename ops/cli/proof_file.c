#include "proof_file.h"

#include "domain/audit_line.h"
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "c2sp.org/tlog-proof@v1\n";

/* ---- writing ---- */

static enum err text_write(const struct proof_file *proof, struct buf *out)
{
	(void)buf_printf(out, "%sextra ", magic);
	(void)digest_base64_append(out, DIGEST_BASE64, proof->line, proof->len);
	(void)buf_printf(out, "\nindex %" PRIu64 "\n", proof->index);
	for (size_t i = 0; i < proof->path.n; i++) {
		const struct merkle_hash *hash = &proof->path.path[i];

		(void)digest_base64_append(out, DIGEST_BASE64, hash->bytes, sizeof hash->bytes);
		(void)buf_char(out, '\n');
	}
	(void)buf_char(out, '\n');
	return buf_text(out, proof->note);
}

enum outcome proof_file_save(
	const struct call *call, const struct proof_file *proof, const char *path)
{
	enum outcome outcome = OUTCOME_OK;
	FILE *file = NULL;
	struct buf text;

	buf_init(&text, PROOF_FILE_MAX);
	if (text_write(proof, &text) != ERR_OK)
		outcome = call_fail(call, OUTCOME_UNAVAILABLE, "%s", err_text(buf_err(&text)));
	else if ((file = fopen(path, "we")) == NULL ||
		 fwrite(text.bytes, 1, text.len, file) != text.len)
		outcome = call_usage(call, "%s: %s", path, strerror(errno));
	if (file && fclose(file) != 0 && outcome == OUTCOME_OK)
		outcome = call_usage(call, "%s: %s", path, strerror(errno));
	buf_clear(&text);
	return outcome;
}

/* ---- reading ---- */

/* The file, NUL-terminated; *ret_len 0 when there is none or it is too long. */
static char *file_read(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	char *text = file ? calloc(1, PROOF_FILE_MAX + 1) : NULL;

	*ret_len = text ? fread(text, 1, PROOF_FILE_MAX, file) : 0;
	if (file)
		(void)fclose(file);
	return text;
}

bool proof_file_is(const char *path)
{
	FILE *file = fopen(path, "re");
	char text[sizeof magic] = "";
	const bool is = file && fread(text, 1, sizeof magic - 1, file) == sizeof magic - 1 &&
			strcmp(text, magic) == 0;

	if (file)
		(void)fclose(file);
	return is;
}

/* The next line, cut out of the text; NULL at the end. */
static char *line_next(char **at)
{
	char *line = *at, *stop = strchr(line, '\n');

	if (!stop)
		return NULL;
	*stop = '\0';
	*at = stop + 1;
	return line;
}

struct reading {
	uint8_t row[AUDIT_LINE_MAX]; /* the first byte is the leaf's prefix */
	size_t len;
	struct proof_file proof;
};

static bool row_read(struct reading *x, const char *line)
{
	return line && strncmp(line, "extra ", 6) == 0 &&
	       digest_base64_decode(DIGEST_BASE64, line + 6, strlen(line + 6), x->row + 1,
		       sizeof x->row - 2, &x->len);
}

static bool index_read(struct reading *x, const char *line)
{
	char *end = NULL;

	if (!line || strncmp(line, "index ", 6) != 0)
		return false;
	errno = 0;
	x->proof.index = strtoull(line + 6, &end, 10);
	return errno == 0 && end != line + 6 && *end == '\0';
}

static bool path_read(struct reading *x, char **at)
{
	struct merkle_proof *path = &x->proof.path;
	const char *line;
	size_t n = 0;

	while ((line = line_next(at)) != NULL && *line) {
		if (path->n == MERKLE_PROOF_MAX ||
			!digest_base64_decode(DIGEST_BASE64, line, strlen(line),
				path->path[path->n].bytes, DIGEST_SIZE, &n) ||
			n != DIGEST_SIZE)
			return false;
		path->n++;
	}
	return line != NULL;
}

static enum outcome row_show(
	const struct call *call, struct reading *x, const struct checkpoint *point)
{
	const char *row = (const char *)x->row + 1;

	x->row[x->len + 1] = '\0';
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:b, s:I, s:s, s:I}", "intact", 1, "row",
						     (json_int_t)x->proof.index, "columns", row,
						     "signed_rows", (json_int_t)point->tree.size));
	fprintf(call->out, "row %" PRIu64 " is in the tree of %" PRIu64 " rows:\n%s\n",
		x->proof.index, point->tree.size, row);
	return OUTCOME_OK;
}

enum outcome proof_file_verify(
	const struct call *call, const struct checkpoint_key *keys, size_t keys_n)
{
	struct reading x = {.len = 0};
	struct checkpoint point = {.at_ms = 0};
	struct merkle_hash leaf;
	size_t len = 0;
	char *text = file_read(call->arguments[0], &len), *at = text;
	enum outcome outcome = OUTCOME_OK;
	bool read;

	if (keys_n == 0)
		outcome = call_usage(call, "a proof needs the keys to believe it by: --key-file");
	read = text && line_next(&at) && row_read(&x, line_next(&at)) &&
	       index_read(&x, line_next(&at)) && path_read(&x, &at) &&
	       checkpoint_read(at, strlen(at), keys, keys_n, &point) == ERR_OK;
	leaf = merkle_leaf(x.row, x.len + 1);
	if (outcome == OUTCOME_OK &&
		(!read || !merkle_included(&leaf, x.proof.index, point.tree.size, &x.proof.path,
				  &point.tree.root)))
		outcome = call_fail(call, OUTCOME_FAILED, "%s proves nothing", call->arguments[0]);
	if (outcome == OUTCOME_OK)
		outcome = row_show(call, &x, &point);
	free(text);
	return outcome;
}

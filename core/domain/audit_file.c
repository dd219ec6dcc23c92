#include "domain/audit_file.h"

#include <inttypes.h>
#include <string.h>

static enum err peaks_write(const struct merkle_frontier *f, struct buf *out)
{
	for (size_t i = 0; i < merkle_peaks(f->size); i++) {
		(void)buf_text(out, "@peak ");
		(void)digest_base64_append(
			out, DIGEST_BASE64, f->peaks[i].bytes, sizeof f->peaks[i].bytes);
		(void)buf_char(out, '\n');
	}
	return buf_err(out);
}

enum err audit_file_head(const struct audit_file_head *head, struct buf *out)
{
	(void)buf_printf(out, "@audit 1\n@log %s\n", head->log);
	for (size_t i = 0; i < head->keys_n; i++)
		(void)buf_printf(out, "@key %s\n", head->keys[i]);
	(void)buf_printf(out, "@first %" PRIu64 "\n", head->before->size);
	(void)peaks_write(head->before, out);
	return buf_text(out, "@columns " AUDIT_COLUMNS "\n");
}

static enum err row_write(const struct audit_page *page, size_t i, struct buf *out)
{
	const struct merkle_hash *leaf = i < page->leaves_n ? &page->leaves[i] : NULL;
	uint8_t line[AUDIT_LINE_MAX];
	size_t len = 1;

	if (i < page->rows_n)
		len = audit_line_write(&page->rows[i], line);
	(void)buf_printf(out, "%" PRIu64 "\t", page->position + i);
	if (leaf)
		(void)digest_base64_append(out, DIGEST_BASE64, leaf->bytes, sizeof leaf->bytes);
	else
		(void)buf_char(out, '-');
	(void)buf_char(out, '\t');
	(void)buf_append(out, line + 1, len - 1);
	return buf_char(out, '\n');
}

enum err audit_file_page(const struct audit_page *page, struct buf *out)
{
	const size_t n = page->leaves_n > page->rows_n ? page->leaves_n : page->rows_n;

	for (size_t i = 0; i < n; i++)
		(void)row_write(page, i, out);
	return *page->note ? audit_file_note(page->note, out) : buf_err(out);
}

enum err audit_file_note(const char *note, struct buf *out)
{
	while (*note) {
		const size_t n = strcspn(note, "\n");

		(void)buf_text(out, n ? "# " : "#");
		(void)buf_append(out, note, n);
		(void)buf_char(out, '\n');
		note += n + (note[n] == '\n');
	}
	return buf_err(out);
}

enum err audit_file_end(uint64_t size, struct buf *out)
{
	return buf_printf(out, "@end %" PRIu64 "\n", size);
}

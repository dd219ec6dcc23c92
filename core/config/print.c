#include "config/print.h"

#include "config/value.h"

#include <string.h>

static bool print_quoted(const struct config_row *row)
{
	return row->type != CONFIG_INT && row->type != CONFIG_BOOL && row->type != CONFIG_MONEY;
}

/* [a, b] from the words of a list's initial value. */
static void print_words(const struct config_row *row, struct buf *out)
{
	const char *at = row->initial;

	buf_char(out, '[');
	while (*at != '\0') {
		size_t n = strcspn(at, " ");

		if (row->type == CONFIG_INTS)
			buf_append(out, at, n);
		else
			buf_json(out, at, n);
		at += n;
		at += strspn(at, " ");
		buf_text(out, *at != '\0' ? ", " : "");
	}
	buf_char(out, ']');
}

static void print_initial(const struct config_row *row, struct buf *out)
{
	if (config_value_is_list(row))
		print_words(row, out);
	else if (print_quoted(row))
		buf_json(out, row->initial, strlen(row->initial));
	else
		buf_text(out, row->initial);
}

static void print_help_row(
	const struct config_section *section, const struct config_row *row, struct buf *out)
{
	size_t start = out->len;

	buf_printf(out, "  %s%s.%s", section->name, section->list ? "[]" : "", row->name);
	do
		buf_char(out, ' ');
	while (buf_err(out) == ERR_OK && out->len - start < 40);
	buf_text(out, row->help);
	if (row->initial == NULL)
		buf_text(out, " (required)");
	else if (*row->initial != '\0')
		buf_printf(
			out, " (%s%s%s)", row->initial, *row->unit != '\0' ? " " : "", row->unit);
	buf_char(out, '\n');
}

enum err config_print_help(const char *program, struct buf *out)
{
	const struct config_section *section;

	buf_printf(out,
		"Usage: longhaul-%s --config FILE\n\n"
		"  --config FILE   the configuration; LONGHAUL_CONFIG names it otherwise\n"
		"  --check         read the configuration and the files it names, say what is "
		"wrong, end\n"
		"  --help          this\n\n"
		"SIGHUP reads the file again, SIGTERM drains and ends.\n"
		"Keys of the file that this program reads, with their initial values:\n",
		program);
	for (size_t s = 0; (section = config_section_at(s)) != NULL; s++) {
		if (!config_section_of(section, program))
			continue;
		buf_printf(out, "\n%s: %s\n", section->name, section->help);
		for (size_t i = 0; i < section->n; i++)
			print_help_row(section, &section->rows[i], out);
	}
	return buf_err(out);
}

/* Values that a first file must have, so that the sample is one that loads. */
static const struct {
	const char *section, *name, *value;
} SAMPLES[] = {
	{"database", "url", "\"host=127.0.0.1 port=5432 dbname=longhaul\""},
	{"upstreams", "name", "\"primary\""},
	{"upstreams", "base_url", "\"https://api.openai.com/v1\""},
	{"upstreams", "models", "[\"*\"]"},
	{"upstream_keys", "upstream", "\"primary\""},
	{"upstream_keys", "label", "\"team-a\""},
	{"upstream_keys", "file", "\"/etc/longhaul/primary-team-a.key\""},
	{"routes", "model", "\"gpt-*\""},
	{"routes", "upstreams", "[\"primary\"]"},
	{"prices", "model", "\"gpt-*\""},
	{"prices", "input_usd_per_million", "0.15"},
	{"prices", "output_usd_per_million", "0.60"},
};

/* The sample has one upstream; what other lists would hold stands behind #. */
static bool print_in_force(const struct config_section *section, const char *value)
{
	return value != NULL && (!section->list || strcmp(section->name, "upstreams") == 0);
}

static const char *print_sample_value(
	const struct config_section *section, const struct config_row *row)
{
	for (size_t i = 0; i < sizeof(SAMPLES) / sizeof(*SAMPLES); i++) {
		if (strcmp(SAMPLES[i].section, section->name) == 0 &&
			strcmp(SAMPLES[i].name, row->name) == 0)
			return SAMPLES[i].value;
	}
	return NULL;
}

static void print_sample_row(const struct config_section *section, const struct config_row *row,
	bool first, struct buf *out)
{
	const char *value = print_sample_value(section, row);
	const char *indent = section->list ? "    " : "  ";

	buf_printf(out, "%s# %s: ", indent, row->help);
	config_value_expected(row, out);
	buf_printf(out, "%s\n", row->live ? "" : "; needs a restart");
	if (!print_in_force(section, value))
		buf_printf(
			out, "%s# %s%s: ", indent, section->list && first ? "- " : "", row->name);
	else
		buf_printf(out, "%s%s: ", section->list && first ? "  - " : indent, row->name);
	if (value != NULL)
		buf_text(out, value);
	else
		print_initial(row, out);
	buf_char(out, '\n');
}

enum err config_print_sample(struct buf *out)
{
	const struct config_section *section;

	buf_text(out,
		"# longhaul.yaml: one file for all programs. Lines behind # show initial values.\n"
		"# Written from the table in core/config/rows*.h; check with: longhaul "
		"check-config\n");
	for (size_t s = 0; (section = config_section_at(s)) != NULL; s++) {
		buf_printf(out, "\n# %s\n%s:\n", section->help, section->name);
		for (size_t i = 0; i < section->n; i++)
			print_sample_row(section, &section->rows[i], i == 0, out);
	}
	return buf_err(out);
}

static void print_reference_row(
	const struct config_section *section, const struct config_row *row, struct buf *out)
{
	buf_printf(out, "| `%s%s.%s` | ", section->name, section->list ? "[]" : "", row->name);
	config_value_expected(row, out);
	buf_text(out, " | ");
	if (row->initial == NULL) {
		buf_text(out, "required");
	} else {
		buf_char(out, '`');
		print_initial(row, out);
		buf_char(out, '`');
	}
	buf_printf(out, " | %s | %s |\n", row->live ? "reload" : "restart", row->help);
}

enum err config_print_reference(struct buf *out)
{
	const struct config_section *section;

	buf_text(out,
		"# Configuration\n\n"
		"One YAML file, named by `--config FILE` or `LONGHAUL_CONFIG`, configures all "
		"programs.\n"
		"Unknown keys are refused; every mistake is reported with file, line and column.\n"
		"`longhaul check-config` checks a file without starting anything. Secrets are "
		"files that the\n"
		"configuration names. SIGHUP reads the file again: rows marked *reload* change at "
		"once and\n"
		"are logged with old and new value; a file that changes a row marked *restart*, or "
		"that has\n"
		"a mistake, is refused as a whole. `~`, `null` or nothing behind a key mean its "
		"initial value.\n\n"
		"This page is written from the table in `core/config/rows*.h` by `make docs`.\n");
	for (size_t s = 0; (section = config_section_at(s)) != NULL; s++) {
		buf_printf(out,
			"\n## %s\n\n%s. Read by: %s.\n\n"
			"| key | expects | initially | change | meaning |\n"
			"| --- | --- | --- | --- | --- |\n",
			section->name, section->help, section->programs);
		for (size_t i = 0; i < section->n; i++)
			print_reference_row(section, &section->rows[i], out);
	}
	return buf_err(out);
}

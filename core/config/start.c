#include "config/start.h"

#include "config/check.h"
#include "config/price.h"
#include "config/print.h"
#include "config/table.h"
#include "ground/clock.h"
#include "ground/heap.h"
#include "ground/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_TEXT_MAX = 256 * 1024, START_WRONG = 2 };

struct start_wish {
	const char *path;
	const char *wrong; /* the argument that nobody knows */
	bool check, help;
};

static struct start_wish start_arguments(int argc, char **argv)
{
	struct start_wish wish = {.path = getenv("LONGHAUL_CONFIG")};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			wish.path = argv[++i];
		else if (strncmp(argv[i], "--config=", 9) == 0)
			wish.path = argv[i] + 9;
		else if (strcmp(argv[i], "--check") == 0)
			wish.check = true;
		else if (strcmp(argv[i], "--help") == 0)
			wish.help = true;
		else
			wish.wrong = argv[i];
	}
	return wish;
}

static void start_print(FILE *to, const struct buf *text)
{
	if (text->len > 0)
		fwrite(text->bytes, 1, text->len, to);
}

static void start_help(const char *program, struct start *ret)
{
	struct buf text;

	buf_init(&text, START_TEXT_MAX);
	ret->exit_code = config_print_help(program, &text) == ERR_OK ? 0 : 1;
	start_print(stdout, &text);
	buf_clear(&text);
}

static bool start_has_prices(const char *program)
{
	return config_section_of(config_section_find("prices"), program);
}

static enum err start_load(
	const char *program, const struct start_wish *wish, struct config **ret_config)
{
	struct buf faults;
	enum err e;

	buf_init(&faults, START_TEXT_MAX);
	e = config_load(wish->path, &faults, ret_config);
	if (e == ERR_OK && wish->check)
		e = config_check_files(wish->path, *ret_config, program, &faults);
	if (e == ERR_OK && wish->check && start_has_prices(program))
		e = config_notes(wish->path, *ret_config, clock_record_ms(), &faults);
	start_print(stderr, &faults);
	if (e != ERR_OK && faults.len == 0)
		fprintf(stderr, "%s: %s\n", wish->path, err_text(e));
	buf_clear(&faults);
	if (e != ERR_OK) {
		config_release(*ret_config);
		*ret_config = NULL;
	}
	return e;
}

/* One line of the log per line of text. */
static void start_log_lines(enum log_level level, const char *message, struct buf *lines)
{
	char *rest = lines->bytes;
	char *line;

	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		const struct log_field fields[] = {LOG_TEXT("detail", line), LOG_END};

		if (*line != '\0')
			log_write(level, message, fields);
	}
}

static void start_log_notes(const char *path, const struct config *config)
{
	struct buf notes;

	buf_init(&notes, START_TEXT_MAX);
	(void)config_notes(path, config, clock_record_ms(), &notes);
	start_log_lines(LOG_LEVEL_WARN, "configuration", &notes);
	buf_clear(&notes);
}

bool start_program(const char *program, int argc, char **argv, struct start *ret)
{
	struct start_wish wish = start_arguments(argc, argv);
	enum log_level level = LOG_LEVEL_INFO;

	heap_begin();
	*ret = (struct start){.path = wish.path, .exit_code = START_WRONG};
	if (wish.help) {
		start_help(program, ret);
		return false;
	}
	if (wish.wrong != NULL || wish.path == NULL) {
		fprintf(stderr, "longhaul-%s: %s%s; try --help\n", program,
			wish.wrong != NULL ? "no such argument: " : "needs --config FILE",
			wish.wrong != NULL ? wish.wrong : "");
		return false;
	}
	if (start_load(program, &wish, &ret->config) != ERR_OK || wish.check) {
		ret->exit_code = wish.check && ret->config != NULL ? 0 : START_WRONG;
		config_release(ret->config);
		ret->config = NULL;
		return false;
	}
	/* Writing to a closed socket is an error to handle, not a reason to die. */
	signal(SIGPIPE, SIG_IGN);
	if (log_level_parse(ret->config->log.level, &level) != 0)
		level = LOG_LEVEL_INFO;
	log_open(program, level);
	if (start_has_prices(program))
		start_log_notes(ret->path, ret->config);
	return true;
}

/* Both or nothing: a file that is right but names a key that cannot be read changes nothing. */
static enum err start_reread(const char *program, const char *path, const struct config *old,
	struct buf *faults, struct buf *changes, struct config **ret_config)
{
	struct config *fresh = NULL;
	enum err e = config_reload(old, path, faults, changes, &fresh);

	if (e == ERR_OK)
		e = config_check_files(path, fresh, program, faults);
	if (e == ERR_OK)
		*ret_config = fresh;
	else
		config_release(fresh);
	return e;
}

static void start_replace(
	const char *program, const char *path, struct config **config, struct config *fresh)
{
	enum log_level level;

	config_release(*config);
	*config = fresh;
	if (log_level_parse(fresh->log.level, &level) == 0)
		log_set_level(level);
	if (start_has_prices(program))
		start_log_notes(path, fresh);
}

bool start_reload(const char *program, const char *path, struct config **config)
{
	struct config *fresh = NULL;
	struct buf faults, changes;
	enum err e;

	buf_init(&faults, START_TEXT_MAX);
	buf_init(&changes, START_TEXT_MAX);
	e = start_reread(program, path, *config, &faults, &changes, &fresh);
	if (e == ERR_OK) {
		if (changes.len == 0)
			log_info("configuration read again, nothing changed",
				LOG_TEXT("file", path));
		start_log_lines(LOG_LEVEL_INFO, "configuration changed", &changes);
		start_replace(program, path, config, fresh);
	} else {
		start_log_lines(
			LOG_LEVEL_ERROR, "configuration refused, the old one stays", &faults);
		log_error("configuration not reloaded", LOG_ERR(e));
	}
	buf_clear(&faults);
	buf_clear(&changes);
	return e == ERR_OK;
}

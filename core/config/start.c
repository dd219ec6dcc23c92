#include "config/start.h"

#include "config/check.h"
#include "config/key_marks.h"
#include "config/price.h"
#include "config/print.h"
#include "config/reload.h"
#include "config/table.h"
#include "ground/clock.h"
#include "ground/confine.h"
#include "ground/heap.h"
#include "ground/log.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool start_has_keys(const char *program)
{
	return config_section_of(config_section_find("upstreams"), program);
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

/* The folders that programs write to. One of its own is made by the program; one that is another
 * disk's must be there, or what comes to lie there would be kept on this one. */
static const struct {
	const char *program;
	size_t folder; /* in struct config */
	bool own;
} START_WRITES[] = {
	{"worker", offsetof(struct config, worker.state_dir), true},
	{"scheduler", offsetof(struct config, audit.checkpoint_dir), false},
	{"scheduler", offsetof(struct config, audit.archive_dir), false},
};

enum { START_WRITES_N = sizeof START_WRITES / sizeof *START_WRITES };

static const char *start_folder(const struct config *config, const char *program, size_t i)
{
	const char *folder;

	if (strcmp(START_WRITES[i].program, program) != 0)
		return NULL;
	memcpy(&folder, (const char *)config + START_WRITES[i].folder, sizeof folder);
	if (folder && *folder && START_WRITES[i].own)
		(void)mkdir(folder, 0700); /* who opens it says why it is not there */
	if (folder && *folder && access(folder, F_OK) != 0) {
		log_warn("a folder is missing: what belongs there is not written until it is "
			 "made and the program started again",
			LOG_TEXT("folder", folder));
		folder = NULL;
	}
	return folder;
}

/* From here on a mistake in the program, or who takes it over, writes no file elsewhere and runs no
 * program. */
static void start_confine(const struct config *config, const char *program)
{
	const char *folders[START_WRITES_N];
	enum err e;

	for (size_t i = 0; i < START_WRITES_N; i++)
		folders[i] = start_folder(config, program, i);
	e = confine(folders, START_WRITES_N);
	if (e == ERR_UNAVAILABLE)
		log_info("the kernel has no Landlock: files can be written wherever the user may",
			LOG_END);
	else if (e)
		log_warn("not confined", LOG_ERR(e), LOG_TEXT("why", strerror(errno)));
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
	start_confine(ret->config, program);
	if (start_has_prices(program))
		start_log_notes(ret->path, ret->config);
	if (start_has_keys(program) && key_marks_read(ret->config, NULL) != ERR_OK)
		log_warn("out of memory: a reload will not tell which keys changed", LOG_END);
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
	if (e == ERR_OK && start_has_keys(program))
		e = key_marks_read(fresh, old);
	if (e == ERR_OK)
		e = key_marks_tell(fresh, old, changes);
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
		start_log_lines(LOG_LEVEL_INFO, "configuration changed", &changes);
		start_replace(program, path, config, fresh);
		/* the last word, for whoever waits for all of them */
		log_info(changes.len ? "configuration read again, changes are taken"
				     : "configuration read again, nothing changed",
			LOG_TEXT("file", path));
	} else {
		start_log_lines(
			LOG_LEVEL_ERROR, "configuration refused, the old one stays", &faults);
		log_error("configuration not reloaded", LOG_ERR(e));
	}
	buf_clear(&faults);
	buf_clear(&changes);
	return e == ERR_OK;
}

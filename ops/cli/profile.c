#include "profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_URL	  "http://127.0.0.1:8080"
#define DEFAULT_ADMIN_URL "http://127.0.0.1:8081"

const char profile_help[] =
	"`--profile FILE`, else the file named by `LONGHAUL_PROFILE`, else "
	"`~/.config/longhaul/profile`.\n"
	"Lines `name=value`; `#` begins a comment; relative paths count from the profile's "
	"folder.\n\n"
	"| name | meaning |\n| --- | --- |\n"
	"| url | the API (default " DEFAULT_URL ") |\n"
	"| admin_url | the operators' listener (default " DEFAULT_ADMIN_URL ") |\n"
	"| api_key_file | file with the key for jobs; mode 0600 |\n"
	"| admin_key_file | file with the operator's key; mode 0600 |\n"
	"| model | the model to ask when `submit` names none |\n\n"
	"Keys are never taken from arguments or from the environment.\n";

static const struct {
	const char *name;
	size_t offset, room;
	bool path; /* relative to the profile's folder */
} fields[] = {
#define FIELD(name, path)                                                                        \
	{                                                                                        \
#name, offsetof(struct profile, name), sizeof(((struct profile *)0)->name), path \
	}
	FIELD(url, false),
	FIELD(admin_url, false),
	FIELD(api_key_file, true),
	FIELD(admin_key_file, true),
	FIELD(model, false),
#undef FIELD
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]), LINE_MAX_BYTES = PATH_MAX + 64 };

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* Writes value, put behind the folder of path when it is relative. False when it is too long. */
static bool put(size_t field, const char *path, const char *value, struct profile *profile)
{
	char *out = (char *)profile + fields[field].offset;
	const char *slash = strrchr(path, '/');
	int folder = 0;
	int n;

	if (fields[field].path && value[0] != '/' && slash)
		folder = (int)(slash - path) + 1;
	n = snprintf(out, fields[field].room, "%.*s%s", folder, path, value);
	if (n < 0 || (size_t)n >= fields[field].room)
		return false;
	if (!fields[field].path)
		while (n > 0 && out[n - 1] == '/')
			out[--n] = '\0';
	return true;
}

static const char *set(
	struct profile *profile, const char *path, const char *name, const char *value)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(fields[i].name, name) == 0)
			return put(i, path, value, profile) ? NULL : "the value is too long";
	if (strstr(name, "key"))
		return "keys stand in files of their own: api_key_file=PATH, admin_key_file=PATH";
	return "known names are url, admin_url, api_key_file, admin_key_file, model";
}

static const char *read_line(struct profile *profile, const char *path, char *line)
{
	char *text = trim(line);
	char *equals = strchr(text, '=');

	if (!*text || *text == '#')
		return NULL;
	if (!equals)
		return "expected name=value";
	*equals = '\0';
	return set(profile, path, trim(text), trim(equals + 1));
}

static const char *check_url(const char *url)
{
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return "begins with http:// or https://";
	if (strchr(url, '@'))
		return "carries no user name or password";
	return NULL;
}

static enum outcome check_urls(const struct call *call, const struct profile *profile)
{
	const char *urls[] = {profile->url, profile->admin_url};

	for (size_t i = 0; i < 2; i++) {
		const char *wrong = check_url(urls[i]);

		if (wrong)
			return call_usage(call, "%s: a URL %s", profile->path, wrong);
	}
	return OUTCOME_OK;
}

enum outcome profile_parse(const struct call *call, FILE *in, const char *path, struct profile *ret)
{
	struct profile profile = {.url = DEFAULT_URL, .admin_url = DEFAULT_ADMIN_URL};
	char line[LINE_MAX_BYTES];
	enum outcome outcome = OUTCOME_OK;

	snprintf(profile.path, sizeof(profile.path), "%s", path);
	for (int number = 1; fgets(line, sizeof(line), in); number++) {
		const char *wrong = read_line(&profile, path, line);

		if (wrong)
			outcome = call_usage(call, "%s:%d: %s", path, number, wrong);
	}
	if (outcome == OUTCOME_OK)
		outcome = check_urls(call, &profile);
	if (outcome == OUTCOME_OK)
		*ret = profile;
	return outcome;
}

/* True when the path was named by the caller, so that the file must exist. */
static bool find_path(const struct call *call, char out[PATH_MAX])
{
	const char *named = call_text(call, "profile");
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (!named)
		named = getenv("LONGHAUL_PROFILE");
	if (named && *named)
		snprintf(out, PATH_MAX, "%s", named);
	else if (config && *config)
		snprintf(out, PATH_MAX, "%s/longhaul/profile", config);
	else
		snprintf(out, PATH_MAX, "%s/.config/longhaul/profile", home ? home : "");
	return named && *named;
}

enum outcome profile_read(const struct call *call, struct profile *ret)
{
	char path[PATH_MAX];
	bool named = find_path(call, path);
	FILE *in = fopen(path, "re");
	enum outcome outcome;

	if (!in && (named || errno != ENOENT))
		return call_usage(call, "cannot read the profile %s: %s", path, strerror(errno));
	if (!in)
		return call_usage(call,
			"there is no profile %s; write url= and api_key_file= there, "
			"or name one with --profile FILE",
			path);
	outcome = profile_parse(call, in, path, ret);
	fclose(in);
	return outcome;
}

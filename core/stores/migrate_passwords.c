#include "ground/digest.h"
#include "stores/migrate.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES_MAX = 1024, FIELDS = 5, FIELD_USER = 3, FIELD_PASSWORD = 4 };

static const char *const programs[] = {
	"longhaul_producer", "longhaul_worker", "longhaul_scheduler"};

/* Cuts a passfile's line (host:port:database:user:password, \: and \\ escaped) into its fields. */
static bool fields_cut(char *line, char *field[FIELDS])
{
	char *to = line;
	size_t n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	field[n++] = to;
	for (; *line != '\0'; line++) {
		if (*line == ':' && n < FIELDS) {
			*to++ = '\0';
			field[n++] = to;
			continue;
		}
		if (*line == '\\' && line[1] != '\0')
			line++;
		*to++ = *line;
	}
	*to = '\0';
	return n == FIELDS;
}

static enum err password_set(
	struct db *db, char *const field[FIELDS], bool done[], char fault[MIGRATE_FAULT_MAX])
{
	enum err e = ERR_OK;
	size_t i;

	for (i = 0; e == ERR_OK && i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (done[i] || strcmp(field[FIELD_USER], programs[i]) != 0)
			continue;
		done[i] = true;
		e = db_password(db, programs[i], field[FIELD_PASSWORD]);
		if (e != ERR_OK)
			snprintf(fault, MIGRATE_FAULT_MAX, "password of %s: %s", programs[i],
				db_fault(db));
	}
	return e;
}

enum err migrate_passwords(struct db *db, const char *passfile, char fault[MIGRATE_FAULT_MAX])
{
	bool done[sizeof(programs) / sizeof(programs[0])] = {false};
	char line[LINE_BYTES_MAX], *field[FIELDS];
	FILE *file = fopen(passfile, "re");
	enum err e = ERR_OK;

	fault[0] = '\0';
	if (file == NULL) {
		snprintf(fault, MIGRATE_FAULT_MAX, "%s cannot be read: %m", passfile);
		return ERR_CONFIG;
	}
	while (e == ERR_OK && fgets(line, sizeof(line), file) != NULL)
		if (line[0] != '#' && fields_cut(line, field))
			e = password_set(db, field, done, fault);
	digest_wipe(line, sizeof(line));
	(void)fclose(file);
	return e;
}

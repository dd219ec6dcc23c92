#include "ground/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The third version's right, which Debian 12's header does not know yet. */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)

static const uint64_t WRITES = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
			       LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			       LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			       LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
			       LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

static enum err folder_allow(int rules, const char *folder, uint64_t writes)
{
	struct landlock_path_beneath_attr beneath = {.allowed_access = writes};
	enum err e;

	if (!folder || !*folder)
		return ERR_OK;
	beneath.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return ERR_SYSTEM;
	e = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0
		    ? ERR_OK
		    : ERR_SYSTEM;
	(void)close(beneath.parent_fd);
	return e;
}

static enum err files_confine(int version, const char *const *folders, size_t n)
{
	const uint64_t writes = WRITES | (version >= 3 ? ACCESS_TRUNCATE : 0);
	const struct landlock_ruleset_attr all = {
		.handled_access_fs = writes | LANDLOCK_ACCESS_FS_EXECUTE};
	const int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
	enum err e = rules >= 0 ? ERR_OK : ERR_SYSTEM;

	for (size_t i = 0; i < n && !e; i++)
		e = folder_allow(rules, folders[i], writes);
	if (!e && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
		e = ERR_SYSTEM;
	if (rules >= 0)
		(void)close(rules);
	return e;
}

enum err confine(const char *const *folders, size_t n)
{
	int version;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_SYSTEM;
	version =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return version > 0 ? files_confine(version, folders, n) : ERR_UNAVAILABLE;
}

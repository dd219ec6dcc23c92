#include "ports/key_files.h"

#include "ground/durable.h"
#include "ground/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX_LEN = 2 * AEAD_KEY, NAME_MAX_LEN = 64 };

static enum err refuse(struct buf *why, enum err e, const char *path, const char *reason)
{
	if (why != NULL)
		buf_printf(why, "the keys in %s %s", path, reason);
	return e;
}

static enum err refuse_errno(struct buf *why, const char *path)
{
	const int reason = errno;
	char text[128];

	if (why != NULL)
		buf_printf(why, "the keys in %s cannot be used: %s", path,
			strerror_r(reason, text, sizeof(text)));
	return ERR_SYSTEM;
}

/* Another user's file that is closed to this one: most often root made or copied it. */
static bool is_closed_to_us(const char *path, struct buf *why)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid == geteuid() ||
		faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
		return false;
	if (why != NULL)
		buf_printf(why,
			"%s%s belongs to user %u and is closed to user %u: chown it to the owner "
			"of its directory",
			why->len > 0 ? "; " : "", path, (unsigned)st.st_uid, (unsigned)geteuid());
	return true;
}

static const char *fault_of(const struct stat *st, bool is_dir)
{
	const uid_t me = geteuid();

	if (is_dir ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
		return is_dir ? "cannot be: that is no directory"
			      : "cannot be: that is no regular file";
	if (st->st_uid != me && st->st_uid != 0 && me != 0)
		return "belong to another user; chown them to the user that runs this program";
	if ((st->st_mode & 077) != 0)
		return is_dir ? "may be reached by others; chmod 0700 the directory"
			      : "may be read by others; chmod 0600 the file";
	return NULL;
}

/* N of "epoch-N.key"; 0 for every other name. */
static int32_t epoch_of(const char *name)
{
	char *end;
	long n;

	if (strncmp(name, "epoch-", 6) != 0 || name[6] < '1' || name[6] > '9')
		return 0;
	n = strtol(name + 6, &end, 10);
	return strcmp(end, ".key") == 0 && n <= INT32_MAX ? (int32_t)n : 0;
}

static enum err file_add(const char *path, int32_t epoch, struct keyring *ring, struct buf *why)
{
	struct secret text = {NULL, 0};
	uint8_t key[AEAD_KEY];
	struct stat st;
	enum err e;

	if (lstat(path, &st) != 0)
		return refuse_errno(why, path);
	if (fault_of(&st, false) != NULL)
		return refuse(why, ERR_CONFIG, path, fault_of(&st, false));
	e = secret_read(path, why, &text);
	if (e == ERR_OK && (text.len != HEX_LEN || !digest_unhex(text.bytes, key, sizeof(key))))
		e = refuse(why, ERR_CONFIG, path, "cannot be read: expected 64 hexadecimal digits");
	if (e == ERR_OK)
		e = keyring_add(ring, epoch, key);
	if (e == ERR_CONFLICT)
		e = refuse(why, ERR_CONFIG, path, "changed while they were in use");
	digest_wipe(key, sizeof(key));
	secret_clear(&text);
	return e;
}

static enum err dir_open(const char *dir, struct buf *why, DIR **ret_list)
{
	DIR *list = opendir(dir);
	const char *fault = NULL;
	enum err e = ERR_CONFIG;
	struct stat st;

	if (list == NULL || fstat(dirfd(list), &st) != 0)
		(void)refuse_errno(why, dir);
	else if ((fault = fault_of(&st, true)) != NULL)
		(void)refuse(why, ERR_CONFIG, dir, fault);
	else
		e = ERR_OK;
	if (e == ERR_OK)
		*ret_list = list;
	else if (list != NULL)
		closedir(list);
	return e;
}

/* Of one directory: what of it the ring holds. */
struct found {
	int32_t epochs[KEYRING_MAX];
	size_t n;
};

static enum err entry_add(const char *dir, const char *name, struct keyring *ring,
	struct found *found, struct buf *why)
{
	const int32_t epoch = epoch_of(name);
	char path[PATH_MAX];
	enum err e = ERR_OK;

	if (epoch == 0)
		return ERR_OK;
	(void)snprintf(path, sizeof(path), "%s/%.*s", dir, NAME_MAX_LEN, name);
	if (!keyring_has(ring, epoch) && !is_closed_to_us(path, why))
		e = file_add(path, epoch, ring, why);
	if (keyring_has(ring, epoch) && found->n < KEYRING_MAX)
		found->epochs[found->n++] = epoch;
	return e;
}

enum err key_files_load(const char *dir, struct keyring *ring, size_t *ret_n, struct buf *why)
{
	const struct dirent *entry;
	struct found found = {.n = 0};
	DIR *list;
	enum err e = dir_open(dir, why, &list);

	if (e != ERR_OK) {
		keyring_lie(ring, NULL, 0);
		return e;
	}
	while (e == ERR_OK && (entry = readdir(list)) != NULL)
		e = entry_add(dir, entry->d_name, ring, &found, why);
	closedir(list);
	/* a file that is no key ended the look: what lies behind it is not known */
	if (e == ERR_OK)
		keyring_lie(ring, found.epochs, found.n);
	if (e == ERR_OK && ret_n != NULL)
		*ret_n = found.n;
	return e;
}

/* ---- making and destroying ---- */

static bool key_write(int fd, const uint8_t key[AEAD_KEY])
{
	char text[HEX_LEN + 2];
	bool written;

	digest_hex(key, AEAD_KEY, text);
	text[HEX_LEN] = '\n';
	written = durable_fill(fd, text, HEX_LEN + 1) == ERR_OK;
	digest_wipe(text, sizeof(text));
	return written;
}

/* The directory belongs to whom the programs run as; what root makes there is theirs as well. */
static bool owner_take(int fd, const char *dir)
{
	struct stat st;

	if (geteuid() != 0)
		return true;
	return stat(dir, &st) == 0 && (st.st_uid == 0 || fchown(fd, st.st_uid, st.st_gid) == 0);
}

enum err key_files_put(const char *dir, int32_t epoch, const uint8_t key[AEAD_KEY], struct buf *why)
{
	char path[PATH_MAX];
	bool written;
	int fd;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return refuse_errno(why, dir);
	(void)snprintf(path, sizeof(path), "%s/epoch-%d.key", dir, (int)epoch);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return refuse(why, ERR_CONFLICT, path, "are there already");
	if (fd < 0)
		return refuse_errno(why, path);
	written = owner_take(fd, dir) && key_write(fd, key);
	close(fd);
	if (written && durable_folder(dir) == ERR_OK)
		return ERR_OK;
	(void)refuse_errno(why, path);
	unlink(path);
	return ERR_SYSTEM;
}

enum err key_files_make(const char *dir, int32_t epoch, struct buf *why)
{
	uint8_t key[AEAD_KEY];
	enum err e;

	digest_random(key, sizeof(key));
	e = key_files_put(dir, epoch, key, why);
	digest_wipe(key, sizeof(key));
	return e;
}

enum err key_files_destroy(const char *dir, int32_t epoch, struct buf *why)
{
	static const char zeros[HEX_LEN + 1] = {0};
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/epoch-%d.key", dir, (int)epoch);
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return ERR_OK;
	if (fd < 0 || durable_fill(fd, zeros, sizeof(zeros)) != ERR_OK || unlink(path) != 0 ||
		durable_folder(dir) != ERR_OK) {
		(void)refuse_errno(why, path);
		if (fd >= 0)
			close(fd);
		return ERR_SYSTEM;
	}
	close(fd);
	return ERR_OK;
}

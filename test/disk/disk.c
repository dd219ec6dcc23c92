/* fault-disk.so - the disk below Postgres, as a test wants it: slow, full, failing, or gone.
 *
 * Loaded into Postgres before its C library (LD_PRELOAD), it stands between Postgres and the calls
 * that write files. What it shall do stands in a file of numbers that every process maps and the
 * test writes (test/fault_disk.py); all are 0 on a disk that is well.
 *
 * Power loss. Before a segment of the log (pg_wal) is written to, the bytes that are there are put
 * into a file of undoing, which is emptied once the segment was synced. So after all of Postgres
 * was killed it holds what a disk that lost its power may have lost: the test writes it back. Of
 * files of tables nothing is taken back: a disk may keep what was never synced, and Postgres writes
 * no page before the log that tells of it was synced. That the files' names are durable is left to
 * it.
 *
 * Full: no file grows, so what is in place is written, as the log in a segment that it has already.
 * Failing: that many syncs of the log fail, and nothing of what they should have kept is kept.
 *
 * Processes: any; a segment is written and synced by one at a time (WALWriteLock).
 * Memory: nothing is allocated but room for the bytes of one write. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The file "state", as fault_disk.py has it. */
struct disk {
	_Atomic int64_t slow_ms; /* each sync takes so much longer */
	_Atomic int64_t failing; /* so many syncs of the log fail yet */
	_Atomic int64_t full;	 /* 1: no file grows */
	_Atomic int64_t waiting; /* syncs of the log that are made to wait now */
	_Atomic int64_t failed;	 /* syncs that failed, ever */
	_Atomic int64_t refused; /* writes for which there was no room, ever */
};

/* An entry of a file of undoing; the bytes follow. */
struct undo {
	int64_t at, len;
};

enum { SEGMENT_NAME = 24, PAUSE_MS = 5, DESCRIPTORS_OF_LOGS = 3 };

static struct disk *disk;
static char folder[PATH_MAX / 2]; /* a copy: Postgres shows its title where its environment was */
static __typeof__(pwrite) *real_pwrite;
static __typeof__(pwritev) *real_pwritev;
static __typeof__(write) *real_write;
static __typeof__(fsync) *real_fsync;
static __typeof__(fdatasync) *real_fdatasync;
static __typeof__(posix_fallocate) *real_fallocate;

__attribute__((constructor)) static void disk_begin(void)
{
	const char *named = getenv("FAULT_DISK");
	char path[PATH_MAX];
	int fd;

	real_pwrite = (__typeof__(pwrite) *)dlsym(RTLD_NEXT, "pwrite");
	real_pwritev = (__typeof__(pwritev) *)dlsym(RTLD_NEXT, "pwritev");
	real_write = (__typeof__(write) *)dlsym(RTLD_NEXT, "write");
	real_fsync = (__typeof__(fsync) *)dlsym(RTLD_NEXT, "fsync");
	real_fdatasync = (__typeof__(fdatasync) *)dlsym(RTLD_NEXT, "fdatasync");
	real_fallocate = (__typeof__(posix_fallocate) *)dlsym(RTLD_NEXT, "posix_fallocate");
	if (!named)
		abort();
	snprintf(folder, sizeof folder, "%s", named);
	snprintf(path, sizeof path, "%s/state", folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || disk == MAP_FAILED)
		abort();
	close(fd);
}

/* ---- the log's segments ---- */

/* pg_wal/000000010000000000000003; a file that is made ready under another name is none yet. */
static bool is_segment(int fd, char ret_name[static SEGMENT_NAME + 1])
{
	char link[64], path[PATH_MAX], *name;
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	name = strrchr(path, '/');
	if (!name || name - path < 7 || memcmp(name - 7, "/pg_wal", 7) != 0 ||
		strspn(name + 1, "0123456789ABCDEF") != SEGMENT_NAME ||
		strlen(name + 1) != SEGMENT_NAME)
		return false;
	memcpy(ret_name, name + 1, SEGMENT_NAME + 1);
	return true;
}

static int undo_open(const char *segment, int how)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof path, "%s/undo-%s", folder, segment);
	fd = open(path, how | O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	return fd;
}

/* What stands where n bytes are about to be written. The segment is open for writing only. */
static void undo_keep(int fd, const char *segment, size_t n, off_t at)
{
	struct undo undo = {.at = at};
	char *old = malloc(n);
	struct iovec parts[] = {{&undo, sizeof undo}, {old, n}};
	char link[64];
	int out = undo_open(segment, O_APPEND), in;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	in = open(link, O_RDONLY | O_CLOEXEC);
	if (!old || in < 0)
		abort();
	undo.len = pread(in, old, n, at);
	parts[1].iov_len = undo.len > 0 ? (size_t)undo.len : 0;
	if (undo.len < 0 || writev(out, parts, 2) < (ssize_t)sizeof undo)
		abort();
	close(in);
	close(out);
	free(old);
}

static void undo_forget(const char *segment)
{
	close(undo_open(segment, O_TRUNC));
}

/* ---- syncs ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A disk that is well again lets go of all at once. */
static void wait_slowly(bool is_log)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	const int64_t began_ms = now_ms();

	if (!disk->slow_ms)
		return;
	disk->waiting += is_log;
	while (now_ms() - began_ms < disk->slow_ms)
		nanosleep(&pause, NULL);
	disk->waiting -= is_log;
}

static bool takes_one(_Atomic int64_t *count)
{
	int64_t left = *count;

	while (left > 0)
		if (atomic_compare_exchange_weak(count, &left, left - 1))
			return true;
	return false;
}

static int synced(int fd, int (*sync)(int))
{
	char segment[SEGMENT_NAME + 1];
	const bool is_log = is_segment(fd, segment);
	int result;

	wait_slowly(is_log);
	if (is_log && takes_one(&disk->failing)) {
		disk->failed++;
		errno = EIO;
		return -1;
	}
	result = sync(fd);
	if (!result && is_log)
		undo_forget(segment);
	return result;
}

int fsync(int fd)
{
	return synced(fd, real_fsync);
}

int fdatasync(int fildes)
{
	return synced(fildes, real_fdatasync);
}

/* ---- writes ---- */

/* Not for what is said to people, nor for pipes and sockets. */
static bool has_no_room(int fd, int64_t end)
{
	struct stat st;

	if (!disk->full || fd < DESCRIPTORS_OF_LOGS || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
		end <= st.st_size)
		return false;
	disk->refused++;
	return true;
}

/* Their arguments are called as the system's headers call them. */
ssize_t pwrite(int fd, const void *buf, size_t nbytes, off_t offset)
{
	char segment[SEGMENT_NAME + 1];

	if (has_no_room(fd, offset + (int64_t)nbytes)) {
		errno = ENOSPC;
		return -1;
	}
	if (is_segment(fd, segment))
		undo_keep(fd, segment, nbytes, offset);
	return real_pwrite(fd, buf, nbytes, offset);
}

/* The same under the name that other builds of Postgres know. */
ssize_t pwrite64(int fd, const void *buf, size_t n, off_t offset) __attribute__((alias("pwrite")));

ssize_t pwritev(int fd, const struct iovec *iovec, int count, off_t offset)
{
	int64_t end = offset;

	for (int i = 0; i < count; i++)
		end += (int64_t)iovec[i].iov_len;
	if (has_no_room(fd, end)) {
		errno = ENOSPC;
		return -1;
	}
	return real_pwritev(fd, iovec, count, offset);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	const off_t at = disk->full ? lseek(fd, 0, SEEK_CUR) : 0;

	if (at >= 0 && has_no_room(fd, at + (int64_t)n)) {
		errno = ENOSPC;
		return -1;
	}
	return real_write(fd, buf, n);
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
	return has_no_room(fd, offset + len) ? ENOSPC : real_fallocate(fd, offset, len);
}

#include "crash_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 0x6c686e31, PATH_ROOM = 4096, NOTES_MAX = 64 };

/* The order of stores must survive the optimiser; the kernel's page sees them in program order. */
static void fence_stores(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* The n-th note of the folder, locked; -1 with EWOULDBLOCK when another process has it. */
static int note_file(const char *state_dir, int n)
{
	char path[PATH_ROOM], number[16] = "";
	int fd, len;

	if (n > 0)
		snprintf(number, sizeof(number), ".%d", n);
	len = snprintf(path, sizeof(path), "%s/crash-note%s", state_dir, number);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) != 0 ||
			       ftruncate(fd, sizeof(struct crash_note_page)) != 0)) {
		int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

static int note_file_free(const char *state_dir)
{
	int fd = -1;

	if (mkdir(state_dir, 0700) != 0 && errno != EEXIST)
		return -1;
	for (int n = 0; fd < 0 && n < NOTES_MAX; n++) {
		fd = note_file(state_dir, n);
		if (fd < 0 && errno != EWOULDBLOCK)
			return -1;
	}
	return fd;
}

enum err crash_note_open(struct crash_note_file *note, const char *state_dir)
{
	int fd = note_file_free(state_dir);
	void *page;

	*note = (struct crash_note_file){.page = NULL, .fd = -1};
	if (fd < 0)
		return ERR_SYSTEM;
	page = mmap(NULL, sizeof(*note->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		close(fd);
		return ERR_SYSTEM;
	}
	note->fd = fd;
	note->page = page;
	if (note->page->magic == MAGIC)
		note->found = *note->page;
	memset(note->page, 0, sizeof(*note->page));
	note->page->magic = MAGIC;
	return ERR_OK;
}

void crash_note_close(struct crash_note_file *note)
{
	if (!note->page)
		return;
	munmap(note->page, sizeof(*note->page));
	close(note->fd);
	note->page = NULL;
}

void crash_note_incarnation(struct crash_note_file *note, struct id worker)
{
	note->page->worker = worker;
}

void crash_note_enter(struct crash_note_file *note, struct id tenant, struct id job, int64_t fence)
{
	note->page->busy = 0;
	fence_stores();
	note->page->tenant = tenant;
	note->page->job = job;
	note->page->fence = fence;
	fence_stores();
	note->page->busy = 1;
	fence_stores();
}

void crash_note_leave(struct crash_note_file *note)
{
	fence_stores();
	note->page->busy = 0;
}

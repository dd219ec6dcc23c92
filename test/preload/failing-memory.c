/* failing-memory.c - a process in which allocations fail, every n-th, from whatever library.
 *
 * What it is told is n; 0: none fails. Of a number below 0, -n, every n-th of all; above it, those
 * of librdkafka succeed: that library ends the process when one fails, which is another test than
 * that nothing else does.
 *
 * The C library's own doors are behind (__libc_malloc): nothing here needs to be looked up, and
 * nothing is allocated while it is. */
#include "preload/control.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

static struct control *control;
static _Atomic int64_t asked;
static uintptr_t spared_begin, spared_end;

static int spared_find(struct dl_phdr_info *library, size_t size, void *owner)
{
	(void)size, (void)owner;
	if (!strstr(library->dlpi_name, "librdkafka"))
		return 0;
	spared_begin = library->dlpi_addr;
	for (int i = 0; i < library->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &library->dlpi_phdr[i];
		const uintptr_t end = library->dlpi_addr + part->p_vaddr + part->p_memsz;

		if (part->p_type == PT_LOAD && end > spared_end)
			spared_end = end;
	}
	return 1;
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
	(void)dl_iterate_phdr(spared_find, NULL);
	control = control_of(argc, argv, "failing-memory");
}

static bool is_refused(const void *caller)
{
	const int64_t n = control ? atomic_load(&control->command) : 0;
	const uintptr_t at = (uintptr_t)caller;

	if (n == 0 || (n > 0 && at >= spared_begin && at < spared_end))
		return false;
	if (atomic_fetch_add(&asked, 1) % (n > 0 ? n : -n) != 0)
		return false;
	atomic_fetch_add(&control->spoilt, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return is_refused(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return is_refused(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
	return is_refused(__builtin_return_address(0)) ? NULL : __libc_realloc(old, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return is_refused(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, n);
}

static char *copy(const char *text, size_t len, const void *caller)
{
	char *block = is_refused(caller) ? NULL : __libc_malloc(len + 1);

	if (!block)
		return NULL;
	memcpy(block, text, len);
	block[len] = '\0';
	return block;
}

/* Who asks the C library for a copy is meant, not the C library that asks itself. */
char *strdup(const char *text)
{
	return copy(text, strlen(text), __builtin_return_address(0));
}

char *strndup(const char *text, size_t most)
{
	return copy(text, strnlen(text, most), __builtin_return_address(0));
}

int posix_memalign(void **ret_block, size_t alignment, size_t n)
{
	void *block =
		is_refused(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, n);

	if (!block)
		return ENOMEM;
	*ret_block = block;
	return 0;
}

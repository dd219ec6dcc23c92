#include "ground/files.h"

#include <sys/resource.h>

enum { FILES_UNKNOWN = 1024 };

size_t files_raise(size_t need)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return FILES_UNKNOWN;
	if (limit.rlim_cur < need) {
		const rlim_t was = limit.rlim_cur;

		limit.rlim_cur = need < limit.rlim_max ? (rlim_t)need : limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			return (size_t)was;
	}
	return (size_t)limit.rlim_cur;
}

/* Loaded before the C library: a disk that takes long to write, and files whose opening never ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    const char *seconds = getenv("SYNC_SECONDS");
    if (seconds) sleep((unsigned)atoi(seconds));
}

int fsync(int file) {
    (void)file;
    wait_for_the_disk();
    return 0;
}

int fdatasync(int file) {
    (void)file;
    wait_for_the_disk();
    return 0;
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    const char *end = strrchr(path, '.');
    while (end && strcmp(end, ".stuck") == 0) pause();
    int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return next(path, flags, mode);
}

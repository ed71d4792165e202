/*
 * A file system that refuses: with LD_PRELOAD, what REFUSE names fails below the folder REFUSE_BELOW. REFUSE is a list such as
 * `fchmod=1 fsync-folder=22`: an operation and the number of its error (errno.h of Linux).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Whether `operation` is refused; errno is then set. */
static int refuses(const char *operation) {
  const char *list = getenv("REFUSE");
  size_t length = strlen(operation);
  for (const char *at = list; at != NULL && *at != '\0'; at = strchr(at, ' '), at += at != NULL) {
    if (strncmp(at, operation, length) != 0 || at[length] != '=') continue;
    errno = atoi(at + length + 1);
    return 1;
  }
  return 0;
}

/* A path that leads through a descriptor counts as what the descriptor is of. */
static int below(const char *path) {
  const char *folder = getenv("REFUSE_BELOW");
  char real[PATH_MAX];
  if (folder == NULL || path == NULL) return 0;
  if (strncmp(path, "/proc/self/fd/", 14) == 0) {
    char link[PATH_MAX];
    snprintf(link, sizeof link, "%.30s", path);
    char *rest = strchr(link + 14, '/');
    if (rest != NULL) *rest = '\0';
    ssize_t size = readlink(link, real, sizeof real - 1);
    if (size < 0) return 0;
    real[size] = '\0';
    path = real;
  }
  return strncmp(path, folder, strlen(folder)) == 0;
}

static int open_below(int descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return below(path);
}

static mode_t type_of(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

int chmod(const char *path, mode_t mode) {
  return below(path) && refuses("chmod") ? -1 : REAL(chmod)(path, mode);
}

int fchmod(int descriptor, mode_t mode) {
  return open_below(descriptor) && refuses("chmod") ? -1 : REAL(fchmod)(descriptor, mode);
}

int fsync(int descriptor) {
  const char *operation = type_of(descriptor) == S_IFDIR ? "fsync-folder" : "fsync";
  return open_below(descriptor) && refuses(operation) ? -1 : REAL(fsync)(descriptor);
}

int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
  if (address->sa_family == AF_UNIX && below(((const struct sockaddr_un *)address)->sun_path) && refuses("bind")) return -1;
  return REAL(bind)(descriptor, address, length);
}

int rename(const char *from, const char *to) {
  return below(to) && refuses("rename") ? -1 : REAL(rename)(from, to);
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return below(path) && refuses("open") ? -1 : REAL(open64)(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return below(path) && refuses("open") ? -1 : REAL(open)(path, flags, mode);
}

static int refuses_write(int descriptor) {
  return type_of(descriptor) == S_IFREG && open_below(descriptor) && refuses("write");
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  return refuses_write(descriptor) ? -1 : REAL(write)(descriptor, bytes, count);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  return refuses_write(descriptor) ? -1 : REAL(pwrite64)(descriptor, bytes, count, offset);
}

// Makes the k-th call of a kind fail, in a process that has this library preloaded.
//
//     cc -shared -fPIC -O1 failing_calls.c -o failing_calls.so -ldl
//     LD_PRELOAD=./failing_calls.so python ...
//
// `calls.py` arms it by ctypes. It needs glibc, of whose allocator it uses the inner names.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// The order is that of `CALLS` in calls.py.
enum call { OPEN, CLOSE, READ, WRITE, SEEK, STATUS, SYNC, RENAME, UNLINK, LOCK, ACCESS, LIST, MAP, ALLOC };

static volatile int armed = -1;  // the kind of call that fails
static int code;                 // its errno; 0 means that reads and writes are short
static int once;                 // or every call from the k-th on
static long k, count;

// Callers whose calls never fail: libraries that end the process if they do.
static struct { uintptr_t start, stop; } spared[64];
static int n_spared;

void skconv_spare(uintptr_t start, uintptr_t stop) {
  if (n_spared < 64) {
    spared[n_spared].start = start;
    spared[n_spared++].stop = stop;
  }
}

void skconv_arm(int call, long which, int error, int only_once) {
  k = which;
  count = 0;
  code = error;
  once = only_once;
  __atomic_store_n(&armed, call, __ATOMIC_SEQ_CST);
}

// Returns how many calls there were of the kind.
long skconv_disarm(void) {
  __atomic_store_n(&armed, -1, __ATOMIC_SEQ_CST);
  return count;
}

static int fails(int call, void* caller) {
  if (call != armed) return 0;
  for (int i = 0; i < n_spared; i++)
    if (spared[i].start <= (uintptr_t)caller && (uintptr_t)caller < spared[i].stop) return 0;
  const long i = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
  if (once ? i != k : i < k) return 0;
  errno = code;
  return 1;
}

#define CALLER __builtin_return_address(0)
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(call, type, bad, name, parameters, arguments) \
  type name parameters {                                   \
    if (fails(call, CALLER)) return bad;                   \
    return NEXT(name) arguments;                           \
  }

WRAP(STATUS, int, -1, stat, (const char* p, struct stat* s), (p, s))
WRAP(STATUS, int, -1, lstat, (const char* p, struct stat* s), (p, s))
WRAP(STATUS, int, -1, fstat, (int f, struct stat* s), (f, s))
WRAP(STATUS, int, -1, stat64, (const char* p, struct stat64* s), (p, s))
WRAP(STATUS, int, -1, lstat64, (const char* p, struct stat64* s), (p, s))
WRAP(STATUS, int, -1, fstat64, (int f, struct stat64* s), (f, s))
WRAP(STATUS, int, -1, fstatat64, (int d, const char* p, struct stat64* s, int g), (d, p, s, g))
WRAP(SEEK, off_t, -1, lseek, (int f, off_t o, int w), (f, o, w))
WRAP(SEEK, off64_t, -1, lseek64, (int f, off64_t o, int w), (f, o, w))
WRAP(SYNC, int, -1, fsync, (int f), (f))
WRAP(RENAME, int, -1, rename, (const char* a, const char* b), (a, b))
WRAP(UNLINK, int, -1, unlink, (const char* p), (p))
WRAP(LOCK, int, -1, flock, (int f, int o), (f, o))
WRAP(ACCESS, int, -1, chmod, (const char* p, mode_t m), (p, m))
WRAP(ACCESS, int, -1, chown, (const char* p, uid_t u, gid_t g), (p, u, g))
WRAP(LIST, DIR*, NULL, opendir, (const char* p), (p))
WRAP(MAP, void*, MAP_FAILED, mmap, (void* a, size_t n, int p, int g, int f, off_t o), (a, n, p, g, f, o))
WRAP(MAP, void*, MAP_FAILED, mmap64, (void* a, size_t n, int p, int g, int f, off64_t o), (a, n, p, g, f, o))

// The file is closed all the same.
int close(int file) {
  const int result = NEXT(close)(file);
  return fails(CLOSE, CALLER) ? -1 : result;
}

#define SHORT(call, name, type)                                        \
  ssize_t name(int file, type* data, size_t n) {                       \
    if (fails(call, CALLER)) {                                         \
      if (code) return -1;                                             \
      n = n > 1 ? n / 2 : n;                                           \
    }                                                                  \
    return NEXT(name)(file, data, n);                                  \
  }
SHORT(READ, read, void)
SHORT(WRITE, write, const void)

#define OPENS(name)                                                    \
  int name(const char* path, int flags, ...) {                         \
    va_list more;                                                      \
    va_start(more, flags);                                             \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                      \
    if (fails(OPEN, CALLER)) return -1;                                \
    return NEXT(name)(path, flags, mode);                              \
  }
OPENS(open)
OPENS(open64)

// dlsym itself allocates memory.
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t n) { return fails(ALLOC, CALLER) ? NULL : __libc_malloc(n); }
void* calloc(size_t n, size_t size) { return fails(ALLOC, CALLER) ? NULL : __libc_calloc(n, size); }
void* realloc(void* p, size_t n) {
  return n && fails(ALLOC, CALLER) ? NULL : __libc_realloc(p, n);
}
void* memalign(size_t align, size_t n) {
  return fails(ALLOC, CALLER) ? NULL : __libc_memalign(align, n);
}
void* aligned_alloc(size_t align, size_t n) {
  return fails(ALLOC, CALLER) ? NULL : __libc_memalign(align, n);
}
int posix_memalign(void** p, size_t align, size_t n) {
  if (fails(ALLOC, CALLER)) return ENOMEM;
  *p = __libc_memalign(align, n);
  return *p ? 0 : ENOMEM;
}

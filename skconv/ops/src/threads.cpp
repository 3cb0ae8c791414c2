#include "threads.h"

#include <cstdlib>
#include <new>
#ifdef _WIN32
#include <malloc.h>
#else
#include <pthread.h>
#include <sys/mman.h>
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SKCONV_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SKCONV_ASAN
#endif
#ifdef SKCONV_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace skconv {

bool forked = false;

#ifndef _WIN32
static const int registered =
    pthread_atfork(nullptr, nullptr, [] { forked = true; });
#endif

int max_threads() {
#ifdef _OPENMP
  return forked ? 1 : omp_get_max_threads();
#else
  return 1;
#endif
}

std::vector<uint64_t> control_registers() {
  std::vector<uint64_t> registers(max_threads(), FlushDenormals::read());
#ifdef _OPENMP
  if (registers.size() == 1) return registers;  // a forked process has no other threads
#pragma omp parallel num_threads(int(registers.size()))
  registers[omp_get_thread_num()] = FlushDenormals::read();
#endif
  return registers;
}

namespace {
constexpr size_t PAGE = 4096, LARGE_PAGE = 1 << 21;
// From this size on, memory is in large pages where the system has them: an op that reads a
// kernel of 5 MB for each of its blocks would look up more small ones than a processor keeps.
constexpr size_t LARGE = 1 << 20;

#ifdef _WIN32
void* allocate(size_t bytes) { return _aligned_malloc(bytes, 64); }
void release(void* start) { _aligned_free(start); }
#else
void* allocate(size_t bytes) {
  void* start = std::aligned_alloc(bytes % LARGE_PAGE ? 64 : LARGE_PAGE, bytes);
#ifdef MADV_HUGEPAGE
  if (start && bytes % LARGE_PAGE == 0) madvise(start, bytes, MADV_HUGEPAGE);
#endif
  return start;
}
void release(void* start) { std::free(start); }
#endif

struct Memory {
  void* start = nullptr;
  size_t size = 0;
  ~Memory() { release(start); }
};
thread_local Memory memory[int(Scratch::count)];
}  // namespace

void* scratch(Scratch use, size_t bytes) {
  Memory& m = memory[int(use)];
  if (bytes > m.size) {
    release(m.start);
    m.size = 0;
    const size_t page = bytes < LARGE ? PAGE : LARGE_PAGE;
    const size_t rounded = (bytes + page - 1) / page * page;
    m.start = allocate(rounded);
    if (!m.start) throw std::bad_alloc();
    m.size = rounded;
  }
#ifdef SKCONV_ASAN
  // Memory of an earlier call, or added by rounding, is out of bounds for this one.
  __asan_unpoison_memory_region(m.start, bytes);
  __asan_poison_memory_region((char*)m.start + bytes, m.size - bytes);
#endif
  return m.start;
}

}  // namespace skconv

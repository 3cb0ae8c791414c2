// How work is spread over threads, and the memory that each of them works in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

// Every copy of the kernels has its own code for these: see simd.h.
#define SKCONV_ALWAYS_INLINE inline __attribute__((always_inline))

namespace skconv {

// After a fork OpenMP's threads are gone, and libgomp would wait for them for ever: a
// child process works on one thread (threads.cpp).
extern bool forked;

// How many threads an op may use; OMP_NUM_THREADS and threadpoolctl govern it.
int max_threads();

// The register that `FlushDenormals` changes, in each thread that an op would use, between ops.
std::vector<uint64_t> control_registers();

// The uses of scratch memory; each thread has a piece for each, which grows and is reused.
//
// `packed` and `lists` belong to an op: the thread that calls `parallel` fills them before, and
// all tasks read them, or each thread fills its own (`prepare`). `input`, `gradient` and `pixels`
// belong to a task. `partial` belongs to an op whose tasks each write a part of it, but in a
// pooled convolution to a task. `next` belongs to `parallel`.
enum class Scratch { packed, lists, partial, input, gradient, pixels, next, count };

// At least `bytes`, aligned to 64, until this thread's next call for the same use.
// Throws std::bad_alloc.
void* scratch(Scratch use, size_t bytes);

// While it lives, this thread's arithmetic gives 0 where the result would be a denormal number,
// and takes denormal inputs for 0: they are 100 to 200 times slower than others, and too small
// to matter. Each op has one, and each thread in it: see arrays.h and `parallel`. The register
// is then put back as it was, so that the calling program's arithmetic does not change.
class FlushDenormals {
 public:
#if defined(__SSE__)
  SKCONV_ALWAYS_INLINE FlushDenormals() : before(read()) {
    write(before | FLUSH_RESULTS | INPUTS_ARE_ZEROS);
  }
  SKCONV_ALWAYS_INLINE ~FlushDenormals() { write(before); }
  FlushDenormals(const FlushDenormals&) = delete;

  static SKCONV_ALWAYS_INLINE uint32_t read() { return __builtin_ia32_stmxcsr(); }

 private:
  static constexpr uint32_t FLUSH_RESULTS = 1 << 15, INPUTS_ARE_ZEROS = 1 << 6;
  static SKCONV_ALWAYS_INLINE void write(uint32_t control) { __builtin_ia32_ldmxcsr(control); }
  const uint32_t before;
#elif defined(__aarch64__)
  SKCONV_ALWAYS_INLINE FlushDenormals() : before(read()) { write(before | FLUSH); }
  SKCONV_ALWAYS_INLINE ~FlushDenormals() { write(before); }
  FlushDenormals(const FlushDenormals&) = delete;

  static SKCONV_ALWAYS_INLINE uint64_t read() {
    uint64_t control;
    asm volatile("mrs %0, fpcr" : "=r"(control));
    return control;
  }

 private:
  static constexpr uint64_t FLUSH = 1 << 24;
  static SKCONV_ALWAYS_INLINE void write(uint64_t control) {
    asm volatile("msr fpcr, %0" : : "r"(control));
  }
  const uint64_t before;
#else
  FlushDenormals() {}
  static uint32_t read() { return 0; }
#endif
};

// Work below this many operations stays on one thread: it takes about 10 microseconds there,
// and waking the others takes some.
constexpr double PARALLEL_FLOPS = 4e5;

// The tasks that are left. Each thread has a share of its own, of neighbouring tasks, and then
// helps with those of others: from op to op it works on the same images, which its cache still
// holds.
class Tasks {
 public:
  SKCONV_ALWAYS_INLINE Tasks(int count, int shares)
      : count(count), shares(shares), next((int*)scratch(Scratch::next, LINE * shares)) {
    for (int share = 0; share < shares; share++) *next_of(share) = first(share);
  }
  // One of share `own` or, if it has none left, of another; -1 if there is none at all.
  SKCONV_ALWAYS_INLINE int take(int own) const {
    for (int i = own; i < own + shares; i++) {
      const int share = i % shares;
      const int task = __atomic_fetch_add(next_of(share), 1, __ATOMIC_RELAXED);
      if (task < first(share + 1)) return task;
    }
    return -1;
  }

 private:
  static constexpr int LINE = 64;  // bytes of a cache line, so that threads do not share one
  const int count, shares;
  int* const next;
  SKCONV_ALWAYS_INLINE int first(int share) const { return int(int64_t(count) * share / shares); }
  SKCONV_ALWAYS_INLINE int* next_of(int share) const { return next + LINE / sizeof(int) * share; }
};

// Run body(prepared, 0) ... body(prepared, tasks - 1), on as many threads as there are; within a
// task or prepare(), on the thread that calls. Each thread calls prepare() before its first task,
// and its tasks get what that returned. The result of a task must not depend on the thread that
// runs it, nor on when: then results do not depend on the number of threads. `flops` is the cost
// of all tasks together. A bad_alloc inside of the region is recorded and thrown after it:
// exceptions must not leave an OpenMP region.
template <class Prepare, class Body>
SKCONV_ALWAYS_INLINE void parallel(int tasks, double flops, Prepare prepare, Body body) {
#ifdef _OPENMP
  const bool pays = tasks > 1 && flops > PARALLEL_FLOPS;
  if (pays && !forked && max_threads() > 1 && !omp_in_parallel()) {
    bool out_of_memory = false;
    const Tasks left(tasks, max_threads());
#pragma omp parallel
    {
      const FlushDenormals flush;
      const int own = omp_get_thread_num();
      int task = left.take(own);
      if (task >= 0) {
        try {
          const auto prepared = prepare();
          for (; task >= 0; task = left.take(own)) body(prepared, task);
        } catch (const std::bad_alloc&) {
#pragma omp atomic write
          out_of_memory = true;
        }
      }
    }
    if (out_of_memory) throw std::bad_alloc();
    return;
  }
#endif
  const auto prepared = prepare();
  for (int task = 0; task < tasks; task++) body(prepared, task);
}

// The same without anything to prepare: body(0) ... body(tasks - 1).
template <class Body>
SKCONV_ALWAYS_INLINE void parallel(int tasks, double flops, Body body) {
  parallel(tasks, flops, [] { return 0; }, [&](int, int task) { body(task); });
}

// The same with something of `bytes` to prepare. Each thread makes its own if it is small: a copy
// takes less time than reading what another core has just written. Else all read one.
constexpr ptrdiff_t OWN_BYTES = 1 << 18;

template <class Prepare, class Body>
SKCONV_ALWAYS_INLINE void parallel(int tasks, double flops, ptrdiff_t bytes, Prepare prepare,
                                   Body body) {
  if (bytes <= OWN_BYTES) return parallel(tasks, flops, prepare, body);
  const auto prepared = prepare();
  parallel(tasks, flops, [&](int task) { body(prepared, task); });
}

}  // namespace skconv

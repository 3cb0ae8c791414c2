// How work is spread over threads, and the memory that each of them works in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

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

// The uses of scratch memory; each thread has a piece for each, which grows and is reused.
//
// `packed` and `lists` belong to an op: the thread that calls `parallel` fills them before, and
// all tasks read them. `input`, `gradient` and `pixels` belong to a task. `partial` belongs to
// an op whose tasks each write a part of it, but in a pooled convolution to a task.
enum class Scratch { packed, lists, partial, input, gradient, pixels, count };

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

// Run body(0) ... body(tasks - 1), on as many threads as there are. The result of a task
// must not depend on the thread that runs it, nor on when: then results do not depend on the
// number of threads. `flops` is the cost of all tasks together. A bad_alloc inside of the
// region is recorded and thrown after it: exceptions must not leave an OpenMP region.
template <class Body>
SKCONV_ALWAYS_INLINE void parallel(int tasks, double flops, Body body) {
#ifdef _OPENMP
  if (tasks > 1 && flops > PARALLEL_FLOPS && !forked && max_threads() > 1) {
    bool out_of_memory = false;
#pragma omp parallel
    {
      const FlushDenormals flush;
#pragma omp for schedule(dynamic, 1) nowait
      for (int task = 0; task < tasks; task++) {
        try {
          body(task);
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
  for (int task = 0; task < tasks; task++) body(task);
}

}  // namespace skconv

// How work is spread over threads, and the memory that each of them works in.
#pragma once

#include <cstddef>
#include <new>

#ifdef _OPENMP
#include <omp.h>
#endif

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

// Work below this many operations stays on one thread: it takes about 10 microseconds there,
// and waking the others takes some.
constexpr double PARALLEL_FLOPS = 4e5;

// Run body(0) ... body(tasks - 1), on as many threads as there are. The result of a task
// must not depend on the thread that runs it, nor on when: then results do not depend on the
// number of threads. `flops` is the cost of all tasks together. A bad_alloc inside of the
// region is recorded and thrown after it: exceptions must not leave an OpenMP region.
template <class Body>
inline __attribute__((always_inline)) void parallel(int tasks, double flops, Body body) {
#ifdef _OPENMP
  if (tasks > 1 && flops > PARALLEL_FLOPS && !forked && max_threads() > 1) {
    bool out_of_memory = false;
#pragma omp parallel for schedule(dynamic, 1)
    for (int task = 0; task < tasks; task++) {
      try {
        body(task);
      } catch (const std::bad_alloc&) {
#pragma omp atomic write
        out_of_memory = true;
      }
    }
    if (out_of_memory) throw std::bad_alloc();
    return;
  }
#endif
  for (int task = 0; task < tasks; task++) body(task);
}

}  // namespace skconv

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

// What a piece of memory is for; each thread has one of each, which grows and is reused.
enum class For { packed, lists, partial, input, gradient, pixels, count };

// At least `bytes`, aligned to 64, until this thread's next call for the same purpose.
// Throws std::bad_alloc.
void* scratch(For purpose, size_t bytes);

// Run body(0) ... body(tasks - 1), on as many threads as there are. What a task computes
// must not depend on who runs it or when: then results do not depend on the number of
// threads. `flops` is what all of it costs; waking the threads takes some microseconds.
// That memory runs out is told behind the region, which no exception may leave.
template <class Body>
inline __attribute__((always_inline)) void parallel(int tasks, double flops, Body body) {
#ifdef _OPENMP
  if (tasks > 1 && flops > 4e5 && !forked && max_threads() > 1) {
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

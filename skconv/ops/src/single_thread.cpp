// In place of threads.cpp where there is one thread, no OpenMP and no exceptions: WebAssembly.
#include <cstdlib>

#include "threads.h"

namespace skconv {

bool forked = false;

int max_threads() { return 1; }

void* scratch(Scratch use, size_t bytes) {
  static void* start[int(Scratch::count)];
  static size_t size[int(Scratch::count)];
  const int i = int(use);
  if (bytes > size[i]) {
    std::free(start[i]);
    size[i] = (bytes + 4095) / 4096 * 4096;
    start[i] = std::aligned_alloc(64, size[i]);
    if (!start[i]) __builtin_trap();  // in JavaScript a WebAssembly.RuntimeError
  }
  return start[i];
}

}  // namespace skconv

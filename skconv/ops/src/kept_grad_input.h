// The gradient of a convolution in its input from the numbers that a pool kept: see kept.h.
//
// Loop order: for each image, for each pixel that the pool saw: the kernels of the filters whose
// number was kept there are added up, times the numbers, in registers. Their sum is added to the
// window of dx, in a copy with room around the image that stays in cache.
//
// A sum runs through filters, then pixels, in order: it depends on the image alone.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "kept.h"
#include "kernels.h"
#include "planes.h"
#include "simd.h"
#include "threads.h"

namespace skconv::SKCONV_ISA::kept {

// What the numbers' places in a pool's windows add to the offset of a window's first pixel.
inline void list_taps(Pool pool, int row, int column, int32_t* offsets) {
  for (int i = 0; i < pool.h; i++)
    for (int j = 0; j < pool.w; j++) *offsets++ = i * row + j * column;
}

// dx of an image with room around it for all windows.
struct Surroundings {
  int h, w, line;
  explicit Surroundings(const Slide& s)
      : h((s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1),
        w((s.ow - 1) * s.stride_w + s.kw), line(w * s.c) {}
  ptrdiff_t floats() const { return ptrdiff_t(h) * line; }

  // The image from the middle; zeros where no window is.
  void copy_to(const Slide& s, const float* sums, float* dx) const {
    const int left = max(s.left, 0), from = left - s.left;  // first column of sums, of dx
    const int columns = max(min(s.w - from, w - left), 0);
    for (int r = 0; r < s.h; r++, dx += ptrdiff_t(s.w) * s.c) {
      const int row = r + s.top;
      if (row < 0 || row >= h || columns == 0) {
        std::memset(dx, 0, sizeof(float) * s.w * s.c);
        continue;
      }
      std::memcpy(dx, sums + ptrdiff_t(row) * line + left * s.c, sizeof(float) * columns * s.c);
      std::memset(dx + columns * s.c, 0, sizeof(float) * (s.w - columns) * s.c);
    }
  }
};

// The kernel as [f][row][padded].
inline const float* pack_windows(const Slide& s, const WindowShape& window, const float* kernel) {
  float* packed = (float*)scratch(Scratch::packed, sizeof(float) * s.f * window.floats());
  const int width = window.width, padded = window.padded();
  for (int i = 0; i < s.kh; i++)
    transpose(kernel + ptrdiff_t(i) * width * s.f, s.f, width, s.f, packed + i * padded,
              window.floats());
  for (float* row = packed; width < padded && row < packed + s.f * window.floats(); row += padded)
    std::memset(row + width, 0, sizeof(float) * (padded - width));
  return packed;
}

// Of the numbers at a pixel that a pool kept, one for each filter, those that are not zero: for
// each place in the pool's window how many, and lists of them and of where their kernels are.
struct Places {
  int places, filters;
  int32_t *count, *kernels;
  float* values;

  static ptrdiff_t floats(Pool pool, int filters) {
    return ptrdiff_t(pool.pixels()) * (2 * filters + 1);
  }
  Places(Pool pool, int filters, float* memory)
      : places(pool.pixels()), filters(filters), count((int32_t*)memory), kernels(count + places),
        values((float*)(kernels + places * filters)) {}

  void sort(const float* dz, const uint8_t* place, int kernel_floats) {
    std::memset(count, 0, sizeof(int32_t) * places);
    for (int f = 0, kernel = 0; f < filters; f++, kernel += kernel_floats) {
      const int at = place[f] * filters + count[place[f]];
      values[at] = dz[f];
      kernels[at] = kernel;
      count[place[f]] += dz[f] != 0;
    }
  }
};

// What a row of numbers adds to dx, whose windows begin at `sums`.
inline void add_row(const Slide& s, const Gradient& g, ptrdiff_t first, const WindowShape& window,
                    const float* packed, const int32_t* taps, int line, float* dz, float* sums) {
  const int columns = s.ow / g.pool.w, step = g.pool.w * s.stride_w * s.c;
  activation_grad_run(g, first, ptrdiff_t(columns) * s.f, dz);
  Places sorted(g.pool, s.f, dz + ptrdiff_t(columns) * s.f);
  Part part = {};
  part.from = packed, part.from_row = window.padded();
  part.sums_row = ptrdiff_t(s.dilation_h) * line;
  for (int q = 0; q < columns; q++, dz += s.f, first += s.f, sums += step) {
    sorted.sort(dz, g.places + first, int(window.floats()));
    for (int tap = 0; tap < sorted.places; tap++) {
      part.count = sorted.count[tap];
      if (!part.count) continue;
      part.values = sorted.values + tap * s.f;
      part.offsets = sorted.kernels + tap * s.f;
      part.sums = sums + taps[tap];
      window.sum(part);
    }
  }
}

// As conv2d_grad_input of grad_input.h.
inline void conv2d_grad_input(const Slide& s, const Gradient& gradient, const float* kernel,
                              float* dx) {
  const WindowShape window(s, true, Scratch::partial);
  const Surroundings around(s);
  const Pool pool = gradient.pool;
  int32_t* taps = (int32_t*)scratch(Scratch::lists, sizeof(int32_t) * pool.pixels());
  list_taps(pool, s.stride_h * around.line, s.stride_w * s.c, taps);
  const int rows = s.oh / pool.h;
  const ptrdiff_t row = ptrdiff_t(s.ow / pool.w) * s.f;
  const double flops = 2.0 * s.kh * s.kw * s.c * s.n * rows * row;
  const int tasks = min(s.n, MOST_BLOCKS);
  const ptrdiff_t bytes = sizeof(float) * s.f * window.floats();
  const auto add_images = [&](const float* packed, int task) {
    float* sums = (float*)scratch(Scratch::input, sizeof(float) * (around.floats() + LANES));
    float* dz =
        (float*)scratch(Scratch::gradient, sizeof(float) * (row + Places::floats(pool, s.f)));
    const int stop = int(ptrdiff_t(s.n) * (task + 1) / tasks);
    for (int i = int(ptrdiff_t(s.n) * task / tasks); i < stop; i++) {
      std::memset(sums, 0, sizeof(float) * around.floats());
      for (int p = 0; p < rows; p++)
        add_row(s, gradient, (ptrdiff_t(i) * rows + p) * row, window, packed, taps, around.line, dz,
                sums + ptrdiff_t(p) * pool.h * s.stride_h * around.line);
      around.copy_to(s, sums, dx + ptrdiff_t(i) * s.h * s.w * s.c);
    }
  };
  parallel(tasks, flops, bytes, [&] { return pack_windows(s, window, kernel); }, add_images);
}

}  // namespace skconv::SKCONV_ISA::kept

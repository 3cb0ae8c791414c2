// Which taps of a kernel meet at a pixel of the input: what the gradient in the input is made of.
#pragma once

#include "geometry.h"
#include "kernels.h"
#include "simd.h"

namespace skconv::SKCONV_ISA {

// The taps of a kernel that meet in one phase of an axis. At a stride s an input pixel q is
// seen by every s-th tap only, and the pixels that the same taps see, q = first + s m, are a
// convolution at stride 1 of dz: p = m + delta(tap).
struct Phase {
  int first, count;    // input pixels first, first + stride, ...
  int taps;            // how many
  int tap0, tap_step;  // the taps
  int delta0, delta_step;

  Phase(int phase, int size, int k, int stride, int dilation, int padding) {
    first = ((phase - padding) % stride + stride) % stride;
    count = first < size ? (size - 1 - first) / stride + 1 : 0;
    taps = tap0 = tap_step = delta0 = delta_step = 0;
    for (int i = 0; i < k; i++)
      if (i * dilation % stride == phase) {
        const int delta = (first + padding - i * dilation) / stride;
        if (taps == 0) tap0 = i, delta0 = delta;
        if (taps == 1) tap_step = i - tap0, delta_step = delta - delta0;
        taps++;
      }
  }
  int lowest() const { return delta0 + (taps - 1) * delta_step; }
  int highest() const { return delta0; }

  // Which of the taps saw pixel m from an output of `size` pixels.
  Span taps_over(int m, int size) const {
    const int last = m + delta0, each = max(-delta_step, 1);
    const int from = last >= size ? (last - size) / each + 1 : 0;
    const int to = last >= 0 ? last / each + 1 : 0;
    return {min(from, taps), min(to, taps)};
  }
};

// What all phases of one axis need of dz: from `low` to `high` around pixel m.
struct Axis {
  int stride, size, k, dilation, padding;
  int low, high;
  int most;  // pixels of a phase

  Axis(int size, int k, int stride, int dilation, int padding)
      : stride(stride), size(size), k(k), dilation(dilation), padding(padding) {
    low = 1 << 30, high = -low, most = 0;
    for (int i = 0; i < stride; i++) {
      const Phase phase = (*this)[i];
      if (!phase.count) continue;
      most = max(most, phase.count);
      if (!phase.taps) continue;
      low = min(low, phase.lowest());
      high = max(high, phase.highest());
    }
    if (low > high) low = high = 0;
  }

  // taps_over(m, output) of each phase, `most` to a phase.
  void fill(Span* over, int output) const {
    for (int phase = 0; phase < stride; phase++) {
      const Phase p = (*this)[phase];
      for (int m = 0; m < most; m++) *over++ = p.taps_over(m, output);
    }
  }

  Phase operator[](int phase) const { return Phase(phase, size, k, stride, dilation, padding); }
};

// Call body(phase of the rows, phase of the columns, their numbers) for each pair.
template <class Body>
inline void for_each_phase(const Axis& vertical, const Axis& horizontal, Body body) {
  for (int v = 0; v < vertical.stride; v++)
    for (int h = 0; h < horizontal.stride; h++) body(vertical[v], horizontal[h], v, h);
}

}  // namespace skconv::SKCONV_ISA

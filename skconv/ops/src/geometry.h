// Which taps of a window fall on an axis of the image, and how channels fall into groups.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace skconv::SKCONV_ISA {

// From .. to - 1.
struct Span {
  int from, to;
  bool operator==(const Span& other) const { return from == other.from && to == other.to; }
};

// The taps of window `p` that fall on an axis of `size` pixels.
SKCONV_INLINE Span taps_inside(int p, int size, int k, int stride, int padding,
                               int dilation = 1) {
  const int first = p * stride - padding;
  const int from = first < 0 ? ceil_div(-first, dilation) : 0;
  const int to = first < size ? ceil_div(size - first, dilation) : 0;
  return {min(from, k), min(to, k)};
}

inline bool is_depthwise(const Slide& s) { return s.groups > 1 && s.groups == s.c && s.c == s.f; }

// The products that a convolution consists of: one for each group. Where each channel is a
// group with one filter, a single one of all channels, element by element.
struct Groups {
  bool elementwise;
  int count;
  int c, f;  // channels and filters of one

  explicit Groups(const Slide& s)
      : elementwise(is_depthwise(s)), count(elementwise ? 1 : s.groups), c(s.c / count),
        f(s.f / count) {}

  // Channels that are summed over for one filter, and filters for one channel.
  int depth_c() const { return elementwise ? 1 : c; }
  int depth_f() const { return elementwise ? 1 : f; }
};

}  // namespace skconv::SKCONV_ISA

// Which taps of a window fall on an axis of the image.
#pragma once

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

}  // namespace skconv::SKCONV_ISA

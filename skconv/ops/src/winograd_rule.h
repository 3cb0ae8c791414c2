// Which convolutions and gradients Winograd's algorithm takes (winograd.h): a rule on the shape
// of a layer alone. Batch, threads and instruction set must not matter, or a sample's prediction
// would depend on them.
#pragma once

#include <algorithm>

#include "kernels.h"
#include "threads.h"

namespace skconv {

// Taps of the pieces that a row of `taps` is cut into: those that multiply least. A piece of
// three takes 6 products for 4 outputs, one of four 8 for 5, one of five 8 for 4. (The kernels use
// it, too.)
SKCONV_ALWAYS_INLINE int taps_of_piece(int taps) {
  const double three = (taps + 2) / 3 * 1.5, four = (taps + 3) / 4 * 1.6, five = (taps + 4) / 5 * 2;
  return three <= four && three <= five ? 3 : four <= five ? 4 : 5;
}

// Whether the algorithm can compute it: kernels of 3 x 3, and rows.
inline bool winograd_fits(const Slide& s) {
  const bool square = s.kh == 3 && s.kw == 3, row = s.kh == 1 && s.kw > 1;
  return (square || row) && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && s.groups == 1;
}

// How many taps of the `output` windows fall on an axis of `size` pixels, of `k` each.
inline double taps_on_image(int size, int output, int padding, int k) {
  double taps = 0;
  for (int tap = 0; tap < k; tap++)
    taps += std::max(0, std::min(output, size + padding - tap) - std::max(0, padding - tap));
  return taps;
}

// What it multiplies. `h` x `w` pixels are cut into tiles: those of y, or of dx for the gradient
// in the input. The last tiles of a row and a column may be filled in part.
//
// 36 times for each tile of 4 x 4 pixels, or 6 or 8 times for each tile of a row and each piece of
// its kernel. The transforms of each channel and each filter of a tile take as long as 12 more
// multiplications at each place.
inline double winograd_products(const Slide& s, int h, int w) {
  const bool square = s.kh > 1;
  const int taps = square ? 3 : taps_of_piece(s.kw);
  const int across = taps == 4 ? 5 : 4, down = square ? 4 : 1;
  const double places = square ? 36 : taps == 3 ? 6 : 8;
  const double tiles = double((h + down - 1) / down) * ((w + across - 1) / across);
  const double c = double(s.c) * ((s.kw + taps - 1) / taps), f = s.f;
  return places * tiles * (c * f + 12 * (c + f));
}

// Whether it is faster, which it is if it multiplies less. The direct kernels multiply each tap
// that falls on the image. Fewer than 16 channels or filters leave vectors empty.
inline bool winograd_pays(const Slide& s, int h, int w) {
  const double taps =
      taps_on_image(s.h, s.oh, s.top, s.kh) * taps_on_image(s.w, s.ow, s.left, s.kw);
  return winograd_fits(s) && s.c >= 16 && s.f >= 16 &&
         taps * s.c * s.f >= winograd_products(s, h, w);
}

}  // namespace skconv

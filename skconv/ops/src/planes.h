// Pixels of a few channels, taken apart to planes of one channel each, and put together again.
//
// In memory a pixel's channels are neighbours: (q, c). Where they are few, they leave most of a
// vector empty; a plane has neighbouring pixels next to each other: (c, q), and fills it. The way
// from one to the other is a transpose, four by four.
#pragma once

#include "simd.h"

namespace skconv::SKCONV_ISA {

struct Four {
  Floats<4> row[4];
};

// Four rows of four, turned to their columns.
SKCONV_INLINE Four transposed(const Four& m) {
  const auto& r = m.row;
  const Floats<4> low_a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
  const Floats<4> low_b = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  const Floats<4> high_a = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  const Floats<4> high_b = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  return {{__builtin_shufflevector(low_a, low_b, 0, 1, 4, 5),
           __builtin_shufflevector(low_a, low_b, 2, 3, 6, 7),
           __builtin_shufflevector(high_a, high_b, 0, 1, 4, 5),
           __builtin_shufflevector(high_a, high_b, 2, 3, 6, 7)}};
}

// to[j][i] = from[i][j], of `rows` rows whose first numbers lie `from_row` apart.
inline void transpose(const float* from, ptrdiff_t from_row, int rows, int columns, float* to,
                      ptrdiff_t to_row) {
  const int full_rows = rows / 4 * 4, full_columns = columns / 4 * 4;
  for (int i = 0; i < full_rows; i += 4)
    for (int j = 0; j < full_columns; j += 4) {
      Four m;
      unrolled<4>([&](int r) SKCONV_INLINE_BODY {
        m.row[r] = load<4>(from + (i + r) * from_row + j);
      });
      m = transposed(m);
      unrolled<4>([&](int r) SKCONV_INLINE_BODY { store<4>(to + (j + r) * to_row + i, m.row[r]); });
    }
  for (int i = 0; i < rows; i++)
    for (int j = i < full_rows ? full_columns : 0; j < columns; j++)
      to[j * to_row + i] = from[i * from_row + j];
}

// `size` pixels of `channels` channels, from planes that lie `plane` floats apart. Four channels of
// four pixels are written at a time. Channels that a pixel does not have fall on the next one: it
// is written later, and its first channels are written last. So there must be room as below, and
// planes for a multiple of four channels.
inline void planes_to_pixels(const float* planes, ptrdiff_t plane, int channels, int size,
                             float* pixels) {
  for (int q = 0; q < size; q += 4)
    for (int c = (channels - 1) / 4 * 4; c >= 0; c -= 4) {
      Four m;
      unrolled<4>([&](int i) SKCONV_INLINE_BODY {
        m.row[i] = load<4>(planes + (c + i) * plane + q);
      });
      m = transposed(m);
      float* to = pixels + ptrdiff_t(q) * channels + c;
      unrolled<4>([&](int i) SKCONV_INLINE_BODY { store<4>(to + i * channels, m.row[i]); });
    }
}

inline ptrdiff_t room_for_pixels(int channels, int size) {
  return ptrdiff_t(ceil_div(size, 4) * 4) * channels + 4;
}

// The other way.
inline void pixels_to_planes(const float* pixels, int channels, int size, ptrdiff_t plane,
                             float* planes) {
  if (channels == 1)
    std::memcpy(planes, pixels, sizeof(float) * size);
  else
    transpose(pixels, channels, size, channels, planes, plane);
}

// Every `W`th of numbers from p on, as many as a vector has; any `step` if W is 0.
template <int W>
SKCONV_INLINE Floats<LANES> load_every(const float* p, int step) {
  if constexpr (W == 1) {
    return load<LANES>(p);
  } else if constexpr (W == 2) {
    const Floats<LANES> a = load<LANES>(p), b = load<LANES>(p + LANES);
#if SKCONV_LANES == 16
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif SKCONV_LANES == 8
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
    return __builtin_shufflevector(a, b, 0, 2, 4, 6);
#endif
  } else {
    float lanes[LANES];
    for (int i = 0; i < LANES; i++) lanes[i] = p[i * step];
    return load<LANES>(lanes);
  }
}

}  // namespace skconv::SKCONV_ISA

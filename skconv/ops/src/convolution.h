// Convolution at any stride, padding, dilation and number of groups, as the product of
// product.h. A dense layer is a convolution of images of one pixel.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "depthwise.h"
#include "geometry.h"
#include "kernels.h"
#include "pooling.h"
#include "product.h"
#include "thin.h"
#include "threads.h"
#include "winograd.h"

namespace skconv::SKCONV_ISA {

// B of each group, and what its sums start from or end with: packed into panels.
struct PackedKernel {
  const float *panels, *biases, *scales;
  ptrdiff_t group_size;  // of the panels of one group
  int padded;            // of the vectors of one group
};

inline PackedKernel pack_kernel(const Slide& s, const Groups& groups, int depth,
                                const float* kernel, const float* bias, const float* scale) {
  const int padded = padded_columns(groups.f);
  const ptrdiff_t group_size = ptrdiff_t(depth) * padded;
  float* panels = (float*)scratch(
      Scratch::packed, groups.count * (group_size + 2 * padded) * sizeof(float));
  float *biases = panels + groups.count * group_size, *scales = biases + groups.count * padded;
  const auto pack_rows = [&](const float* rows, int n, float* dst) {
    const Gradient plain = {rows, rows, Activation::identity, ptrdiff_t(n) * s.f};
    for (int g = 0; rows && g < groups.count; g++)
      pack(plain, g * groups.f, n, s.f, groups.f, dst + g * n * padded, nullptr);
  };
  pack_rows(kernel, depth, panels);
  pack_rows(bias, 1, biases);
  pack_rows(scale, 1, scales);
  return {panels, bias ? biases : nullptr, scale ? scales : nullptr, group_size, padded};
}

// Which taps see each output pixel, and the steps from a window's first pixel to what each of
// them sees.
struct ForwardLists {
  TapsInside taps;
  const int32_t* steps;
};

inline ForwardLists forward_lists(const Slide& s, int channels, int depth) {
  Span* vertical = (Span*)scratch(
      Scratch::lists, (s.oh + s.ow) * sizeof(Span) + ptrdiff_t(depth) * sizeof(int32_t));
  Span* horizontal = vertical + s.oh;
  int32_t* steps = (int32_t*)(horizontal + s.ow);
  for (int p = 0; p < s.oh; p++)
    vertical[p] = taps_inside(p, s.h, s.kh, s.stride_h, s.top, s.dilation_h);
  for (int q = 0; q < s.ow; q++)
    horizontal[q] = taps_inside(q, s.w, s.kw, s.stride_w, s.left, s.dilation_w);
  for (int i = 0, k = 0; i < s.kh; i++)
    for (int j = 0; j < s.kw; j++)
      for (int c = 0; c < channels; c++, k++)
        steps[k] = (i * s.dilation_h * s.w + j * s.dilation_w) * s.c + c;
  return {{vertical, horizontal, s.kw, channels}, steps};
}

// The product of a block for each group, and the activation.
inline void convolve_block(const Slide& s, const Groups& groups, const PackedKernel& packed,
                           const ForwardLists& lists, const float* x, Activation activation,
                           const Block& b, Strides out, float* y) {
  const Strides in = {ptrdiff_t(s.h) * s.w * s.c, s.stride_h * s.w * s.c, s.stride_w * s.c};
  const float* window = x + b.image * in.image + ptrdiff_t(b.row) * in.row +
                        ptrdiff_t(b.column) * in.column -
                        (ptrdiff_t(s.top) * s.w + s.left) * s.c;
  for (int g = 0; g < groups.count; g++) {
    Product p = {};
    p.a = window + g * groups.depth_c();
    p.steps = lists.steps;
    p.depth = lists.taps.depth * s.kh * s.kw;
    p.panels = packed.panels + g * packed.group_size;
    p.n = groups.f;
    p.c = y + g * groups.f;
    // The sums start from the bias; with a scale it is added after that, as the shift.
    const float* bias = packed.biases ? packed.biases + g * packed.padded : nullptr;
    if (packed.scales) {
      p.scale = packed.scales + g * packed.padded;
      p.shift = bias;
    } else {
      p.bias = bias;
    }
    p.relu = activation == Activation::relu;
    p.elementwise = groups.elementwise;
    p.far = is_far(s, p.depth);
    multiply_block(p, b, in, out, lists.taps);
  }
  if (activation != Activation::relu && activation != Activation::identity)
    activate_run(y, ptrdiff_t(b.pixels()) * s.f, activation, y);
}

// Keep the largest of each window of a block that lies in memory by itself and, unless that is
// nullptr, its place. Of an image's part, or of a row's, the lines of y do not touch.
inline void pool_block(const Slide& s, Pool pool, const Block& kept, const float* block,
                       ptrdiff_t y_image, float* y, uint8_t* places) {
  const int rows = kept.rows * pool.h, columns = kept.columns * pool.w;
  const Slide slide = {.n = 1, .h = rows, .w = columns, .c = s.f,
                       .oh = kept.rows, .ow = kept.columns, .f = s.f,
                       .kh = pool.h, .kw = pool.w,
                       .stride_h = pool.h, .stride_w = pool.w};
  for (int i = 0; i < kept.images; i++)
    for (int row = 0; row < kept.rows; row++) {
      const float* image = block + ptrdiff_t(i) * rows * columns * s.f;
      if (places)
        max_pool_line<uint8_t, true>(slide, image, 0, row, y + i * y_image,
                                     places + i * y_image);
      else
        max_pool_line<uint8_t, false>(slide, image, 0, row, y + i * y_image, nullptr);
    }
}

// y[n, p, f] = activation(scale[f] (sum over t, c of x[n, q(p, t), c] kernel[t, c, f]) + bias[f])
//
// With a pool, s is of the convolution and y of what is left of it: a block of the output is
// a scratch that stays in cache, and what is written is a part of it.
inline void conv2d(const Slide& s, const float* x, const float* kernel, const float* bias,
                   const float* scale, Activation activation, Pool pool, float* y,
                   uint8_t* places) {
  if (s.algorithm == Algorithm::winograd)
    return winograd::conv2d(s, x, kernel, bias, scale, activation, pool, y, places);
  if (s.algorithm == Algorithm::thin)
    return thin::conv2d(s, x, kernel, bias, scale, activation, pool, y, places);
  const bool pooled = pool.pixels() > 1;
  const DepthwiseRow row = pooled ? nullptr : depthwise_row_for(s);
  if (row) return depthwise_conv2d(s, row, x, kernel, bias, scale, activation, y);
  const Groups groups(s);
  const int depth = s.kh * s.kw * groups.depth_c();
  const double flops = 2.0 * depth * s.f;
  const int yh = s.oh / pool.h, yw = s.ow / pool.w;
  const Blocks blocks(s.n, yh, yw,
                      block_pixels(ptrdiff_t(s.n) * s.oh * s.ow,
                                   s.c * s.stride_h * s.stride_w, s.f, flops) /
                          pool.pixels(),
                      image_floats(s));
  const auto prepare = [&] { return pack_kernel(s, groups, depth, kernel, bias, scale); };
  const ptrdiff_t bytes = sizeof(float) * ptrdiff_t(depth) * s.f;
  const ForwardLists lists = forward_lists(s, groups.depth_c(), depth);
  const auto convolve = [&](const PackedKernel& packed, int task) {
    const Block kept = blocks[task];  // of y
    const Block b = {kept.image,  kept.row * pool.h,  kept.column * pool.w,
                     kept.images, kept.rows * pool.h, kept.columns * pool.w};
    const ptrdiff_t y_image = ptrdiff_t(yh) * yw * s.f;
    const ptrdiff_t first =
        kept.image * y_image + (ptrdiff_t(kept.row) * yw + kept.column) * s.f;
    if (!pooled) {
      const Strides out = {y_image, s.ow * s.f, s.f};
      return convolve_block(s, groups, packed, lists, x, activation, b, out, y + first);
    }
    const Strides out = {ptrdiff_t(b.rows) * b.columns * s.f, b.columns * s.f, s.f};
    float* block =
        (float*)scratch(Scratch::partial, ptrdiff_t(b.pixels()) * s.f * sizeof(float));
    convolve_block(s, groups, packed, lists, x, activation, b, out, block);
    pool_block(s, pool, kept, block, y_image, y + first, places ? places + first : nullptr);
  };
  parallel(blocks.count(), flops * s.n * s.oh * s.ow, bytes, prepare, convolve);
}

}  // namespace skconv::SKCONV_ISA

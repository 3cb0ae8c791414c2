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
#include "threads.h"

namespace skconv::SKCONV_ISA {

// y[n, p, f] = activation(scale[f] (sum over t, c of x[n, q(p, t), c] kernel[t, c, f]) + bias[f])
//
// With a pool, s is of the convolution and y of what is left of it: a block of the output is
// a scratch that stays in cache, and what is written is a part of it.
inline void conv2d(const Slide& s, const float* x, const float* kernel, const float* bias,
                   const float* scale, Activation activation, Pool pool, float* y) {
  const DepthwiseRow row = pool.h * pool.w > 1 ? nullptr : depthwise_row_for(s);
  if (row) return depthwise_conv2d(s, row, x, kernel, bias, scale, activation, y);
  const bool depthwise = is_depthwise(s);
  const int groups = depthwise ? 1 : s.groups;
  const int taps = s.kh * s.kw;
  const int per_group = depthwise ? 1 : s.c / groups, filters = s.f / groups;
  const int depth = taps * per_group;
  const double flops = 2.0 * depth * s.f;
  const bool pooled = pool.h * pool.w > 1;
  const int yh = s.oh / pool.h, yw = s.ow / pool.w;
  const Blocks blocks(s.n, yh, yw,
                      block_pixels(ptrdiff_t(s.n) * s.oh * s.ow,
                                   s.c * s.stride_h * s.stride_w, s.f, flops) /
                          (pool.h * pool.w));

  const int padded = padded_columns(filters);
  const ptrdiff_t panel = ptrdiff_t(depth) * padded;
  float* panels = (float*)scratch(For::packed, groups * (panel + 2 * padded) * sizeof(float));
  float *biases = panels + groups * panel, *scales = biases + groups * padded;
  const auto pack_rows = [&](const float* rows, int n, float* to) {
    const Gradient plain = {rows, rows, Activation::identity, ptrdiff_t(n) * s.f};
    for (int g = 0; rows && g < groups; g++)
      pack(plain, g * filters, n, s.f, filters, to + g * n * padded, nullptr);
  };
  pack_rows(kernel, depth, panels);
  pack_rows(bias, 1, biases);
  pack_rows(scale, 1, scales);

  Span* vertical = (Span*)scratch(
      For::lists, (s.oh + s.ow) * sizeof(Span) + ptrdiff_t(depth) * sizeof(int32_t));
  Span* horizontal = vertical + s.oh;
  int32_t* steps = (int32_t*)(horizontal + s.ow);
  for (int p = 0; p < s.oh; p++)
    vertical[p] = taps_inside(p, s.h, s.kh, s.stride_h, s.top, s.dilation_h);
  for (int q = 0; q < s.ow; q++)
    horizontal[q] = taps_inside(q, s.w, s.kw, s.stride_w, s.left, s.dilation_w);
  for (int i = 0, k = 0; i < s.kh; i++)
    for (int j = 0; j < s.kw; j++)
      for (int c = 0; c < per_group; c++, k++)
        steps[k] = (i * s.dilation_h * s.w + j * s.dilation_w) * s.c + c;

  const Strides in = {ptrdiff_t(s.h) * s.w * s.c, s.stride_h * s.w * s.c, s.stride_w * s.c};
  parallel(blocks.count(), flops * s.n * s.oh * s.ow, [&](int task) {
    const Block part = blocks[task];  // of y
    const Block b = {part.image,          part.row * pool.h,  part.column * pool.w,
                     part.images,         part.rows * pool.h, part.columns * pool.w};
    const float* window = x + b.image * in.image + ptrdiff_t(b.row) * in.row +
                          ptrdiff_t(b.column) * in.column -
                          (ptrdiff_t(s.top) * s.w + s.left) * s.c;
    float* there = y + ((ptrdiff_t(part.image) * yh + part.row) * yw + part.column) * s.f;
    const ptrdiff_t size = ptrdiff_t(b.pixels()) * s.f;
    float* to = pooled ? (float*)scratch(For::partial, size * sizeof(float)) : there;
    const Strides out = pooled ? Strides{ptrdiff_t(b.rows) * b.columns * s.f, b.columns * s.f, s.f}
                               : Strides{ptrdiff_t(s.oh) * s.ow * s.f, s.ow * s.f, s.f};
    for (int g = 0; g < groups; g++) {
      Product p = {};
      p.a = window + g * per_group;
      p.steps = steps;
      p.depth = depth;
      p.panels = panels + g * panel;
      p.columns = filters;
      const float* shift = bias ? biases + g * padded : nullptr;
      (scale ? p.shift : p.bias) = shift;
      p.scale = scale ? scales + g * padded : nullptr;
      p.relu = activation == Activation::relu;
      p.out = to + g * filters;
      if (depthwise)
        multiply_block<true>(p, b, in, out, vertical, horizontal, s.kw, per_group);
      else
        multiply_block<false>(p, b, in, out, vertical, horizontal, s.kw, per_group);
    }
    if (activation != Activation::relu && activation != Activation::identity)
      activate_run(to, size, activation, to);
    if (!pooled) return;
    // Of an image's part, or of a row's, the lines of y do not touch.
    const Slide p = {1, b.rows, b.columns, s.f, part.rows, part.columns, s.f, pool.h, pool.w,
                     pool.h, pool.w, 1, 1, 0, 0, 1};
    for (int i = 0; i < b.images; i++)
      for (int row = 0; row < part.rows; row++)
        max_pool_line<uint8_t, false>(p, to + i * out.image, 0, row,
                                      there + ptrdiff_t(i) * yh * yw * s.f, nullptr);
  });
}

}  // namespace skconv::SKCONV_ISA

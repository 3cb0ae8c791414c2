// The gradient of a convolution in its input, as the product of product.h. It takes
// dz = dy f'(y) in the same pass: dz is never in memory as a whole.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "depthwise.h"
#include "depthwise_grad_input.h"
#include "geometry.h"
#include "kept_grad_input.h"
#include "kernels.h"
#include "phases.h"
#include "planes.h"
#include "product.h"
#include "threads.h"
#include "unpool.h"
#include "winograd.h"

namespace skconv::SKCONV_ISA {

// How the gradient in the input is cut up. dz is read where it is or, where it has to go
// through a pool or an activation first, a block's part of it from a copy.
struct InputGradient {
  const Slide& s;
  Groups groups;
  Axis vertical, horizontal;
  double flops;  // for each pixel of dx
  Blocks blocks;  // of a phase's pixels: all phases of a block are one task
  bool in_place;
  int line;  // floats in a row of dz, or of the copy

  InputGradient(const Slide& s, const Gradient& gradient)
      : s(s), groups(s), vertical(s.h, s.kh, s.stride_h, s.dilation_h, s.top),
        horizontal(s.w, s.kw, s.stride_w, s.dilation_w, s.left),
        flops(2.0 * s.kh * s.kw * groups.depth_f() * s.c / phases()),
        blocks(s.n, vertical.most, horizontal.most,
               block_pixels(ptrdiff_t(s.n) * vertical.most * horizontal.most, s.f,
                            s.c * phases(), flops * phases()),
               image_floats(s)),
        in_place(gradient.activation == Activation::identity && !gradient.places),
        line(s.f * (in_place ? s.ow
                             : min(s.ow, blocks.columns + horizontal.high - horizontal.low))) {}

  int phases() const { return s.stride_h * s.stride_w; }
  int depth(const Phase& v, const Phase& h) const { return v.taps * h.taps * groups.depth_f(); }
};

// One group's panels of one phase: the taps in order, channels and filters swapped.
inline float* pack_phase(const InputGradient& in, const Phase& v, const Phase& h, int group,
                         const float* kernel, float* dst) {
  const Slide& s = in.s;
  const bool elementwise = in.groups.elementwise;
  const int filters = in.groups.depth_f(), depth = in.depth(v, h);
  for_each_panel(in.groups.c, [&](int c0, const Width& width) {
    float* panel = dst + ptrdiff_t(depth) * c0;
    const int filled = min(width.columns, in.groups.c - c0);
    for (int i = 0; i < v.taps; i++)
      for (int j = 0; j < h.taps; j++) {
        const int tap = (v.tap0 + i * v.tap_step) * s.kw + h.tap0 + j * h.tap_step;
        const float* from = kernel + (elementwise ? ptrdiff_t(tap) * s.f + c0
                                                  : (ptrdiff_t(tap) * in.groups.c + c0) * s.f +
                                                        group * filters);
        if (filled < width.columns)
          std::memset(panel, 0, sizeof(float) * filters * width.columns);
        if (elementwise)
          std::memcpy(panel, from, sizeof(float) * filled);
        else
          transpose(from, s.f, filled, filters, panel, width.columns);
        panel += ptrdiff_t(filters) * width.columns;
      }
  });
  return dst + ptrdiff_t(depth) * padded_columns(in.groups.c);
}

// The panels of all phases and groups, [phase][group].
inline const float* pack_phases(const InputGradient& in, const float* kernel) {
  const ptrdiff_t depth = ptrdiff_t(in.s.kh) * in.s.kw * in.groups.depth_f();
  float* panels = (float*)scratch(
      Scratch::packed,
      sizeof(float) * in.groups.count * depth * padded_columns(in.groups.c));
  float* dst = panels;
  for_each_phase(in.vertical, in.horizontal, [&](const Phase& v, const Phase& h, int, int) {
    for (int g = 0; g < in.groups.count; g++) dst = pack_phase(in, v, h, g, kernel, dst);
  });
  return panels;
}

// Which taps saw each pixel of each phase, and the steps from a pixel's place in dz to what
// they put there, [phase].
struct BackwardLists {
  const Span *vertical, *horizontal;
  const int32_t* steps;
};

inline BackwardLists backward_lists(const InputGradient& in) {
  const Slide& s = in.s;
  const int filters = in.groups.depth_f();
  const ptrdiff_t rows = ptrdiff_t(s.stride_h) * in.vertical.most;
  const ptrdiff_t columns = ptrdiff_t(s.stride_w) * in.horizontal.most;
  Span* vertical = (Span*)scratch(
      Scratch::lists,
      sizeof(Span) * (rows + columns) + sizeof(int32_t) * s.kh * s.kw * filters);
  Span* horizontal = vertical + rows;
  in.vertical.fill(vertical, s.oh);
  in.horizontal.fill(horizontal, s.ow);
  int32_t* const steps = (int32_t*)(horizontal + columns);
  int32_t* step = steps;
  for_each_phase(in.vertical, in.horizontal, [&](const Phase& v, const Phase& h, int, int) {
    for (int i = 0; i < v.taps; i++)
      for (int j = 0; j < h.taps; j++)
        for (int f = 0; f < filters; f++)
          *step++ = (v.delta0 + i * v.delta_step) * in.line +
                    (h.delta0 + j * h.delta_step) * s.f + f;
  });
  return {vertical, horizontal, steps};
}

// Where a block's pixels are in dz: in dy itself, or in a copy that went through pool and
// activation. `image` is set to the floats from image to image.
inline const float* locate_dz(const InputGradient& in, const Gradient& gradient, const Block& b,
                              ptrdiff_t* image) {
  const Slide& s = in.s;
  if (in.in_place) {
    *image = ptrdiff_t(s.oh) * in.line;
    return gradient.dy + b.image * *image + ptrdiff_t(b.row) * in.line +
           ptrdiff_t(b.column) * s.f;
  }
  const int top = max(b.row + in.vertical.low, 0);
  const int bottom = min(b.row + b.rows + in.vertical.high, s.oh);
  const int left = max(b.column + in.horizontal.low, 0);
  const int right = min(b.column + b.columns + in.horizontal.high, s.ow);
  const int rows = max(bottom - top, 0), columns = max(right - left, 0);
  *image = ptrdiff_t(rows) * in.line;
  float* copy = (float*)scratch(Scratch::input, sizeof(float) * b.images * *image + 64);
  for (int i = 0; i < b.images; i++)
    for (int r = 0; r < rows; r++)
      dz_run(s, gradient, b.image + i, top + r, left, columns,
             copy + i * *image + ptrdiff_t(r) * in.line);
  return copy + ptrdiff_t(b.row - top) * in.line + ptrdiff_t(b.column - left) * s.f;
}

// All phases of a block, for each group.
inline void backward_block(const InputGradient& in, const Gradient& gradient,
                           const float* panels, const BackwardLists& lists, const Block& full,
                           float* dx) {
  const Slide& s = in.s;
  ptrdiff_t image;
  const float* dz = locate_dz(in, gradient, full, &image);
  const Strides dz_strides = {image, in.line, s.f};
  const Strides dx_strides = {ptrdiff_t(s.h) * s.w * s.c, s.stride_h * s.w * s.c,
                              s.stride_w * s.c};
  const int padded = padded_columns(in.groups.c);
  Product p = {};
  p.steps = lists.steps;
  p.panels = panels;
  p.n = in.groups.c;
  p.elementwise = in.groups.elementwise;
  for_each_phase(in.vertical, in.horizontal, [&](const Phase& v, const Phase& h, int phase_h,
                                                 int phase_w) {
    Block b = full;
    b.rows = max(min(full.rows, v.count - b.row), 0);
    b.columns = max(min(full.columns, h.count - b.column), 0);
    const TapsInside taps = {lists.vertical + ptrdiff_t(phase_h) * in.vertical.most,
                             lists.horizontal + ptrdiff_t(phase_w) * in.horizontal.most, h.taps,
                             in.groups.depth_f()};
    p.depth = in.depth(v, h);
    p.far = is_far(s, p.depth);
    float* first = dx + b.image * dx_strides.image +
                   (ptrdiff_t(v.first + b.row * s.stride_h) * s.w + h.first +
                    b.column * s.stride_w) * s.c;
    for (int g = 0; g < in.groups.count; g++, p.panels += ptrdiff_t(p.depth) * padded) {
      p.a = dz + g * in.groups.depth_f();
      p.c = first + g * in.groups.c;
      multiply_block(p, b, dz_strides, dx_strides, taps);
    }
    p.steps += p.depth;
  });
}

// dx[n, q, c] = sum over f and all p, t with q(p, t) = q of dz[n, p, f] kernel[t, c, f],
// for each phase of the rows and columns a convolution at stride 1.
inline void conv2d_grad_input(const Slide& s, const Gradient& gradient, const float* kernel,
                              float* dx) {
  if (s.algorithm == Algorithm::kept)
    return kept::conv2d_grad_input(s, gradient, kernel, dx);
  if (s.algorithm == Algorithm::winograd)
    return winograd::conv2d_grad_input(s, gradient, kernel, dx);
  const DepthwiseRow row = gradient.places ? nullptr : depthwise_row_for(s);
  if (row && s.stride_h == 1 && s.stride_w == 1)
    return depthwise_grad_input(s, row, gradient, kernel, dx);
  const DepthwisePairs pairs = gradient.places ? nullptr : depthwise_pairs_for(s);
  if (pairs) return depthwise_grad_input_strided(s, pairs, gradient, kernel, dx);
  const InputGradient in(s, gradient);
  const BackwardLists lists = backward_lists(in);
  const ptrdiff_t bytes = sizeof(float) * s.kh * s.kw * in.groups.depth_f() * ptrdiff_t(s.c);
  parallel(in.blocks.count(), in.flops * s.n * s.h * s.w, bytes,
           [&] { return pack_phases(in, kernel); },
           [&](const float* panels, int task) {
             backward_block(in, gradient, panels, lists, in.blocks[task], dx);
           });
}

}  // namespace skconv::SKCONV_ISA

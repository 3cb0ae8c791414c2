// The gradients of a convolution in its input and in its kernel, each as the product of
// product.h. They take dz = dy f'(y) in the same pass: dz is never in memory as a whole.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "depthwise.h"
#include "geometry.h"
#include "kernels.h"
#include "product.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

// The taps of a kernel that meet in one phase of an axis. At a stride s an input pixel q is
// seen by every s-th tap only, and the pixels that the same taps see, q = first + s m, are a
// convolution at stride 1 of dz: p = m + delta(tap).
struct Phase {
  int first, count;   // input pixels first, first + stride, ...
  int taps;           // how many
  int tap0, tap_step; // the taps
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
  int low, high, most;

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

// dx[n, q, c] = sum over f and all p, t with q(p, t) = q of dz[n, p, f] kernel[t, c, f],
// for each phase of the rows and columns a convolution at stride 1.
inline void conv2d_grad_input(const Slide& s, const Gradient& gradient, const float* kernel,
                              float* dx) {
  const DepthwiseRow row = depthwise_row_for(s);
  if (row && s.stride_h == 1 && s.stride_w == 1)
    return depthwise_grad_input(s, row, gradient, kernel, dx);
  const bool depthwise = is_depthwise(s);
  const int groups = depthwise ? 1 : s.groups;
  const int per_group = s.c / groups, filters = depthwise ? 1 : s.f / groups;
  const Axis vertical(s.h, s.kh, s.stride_h, s.dilation_h, s.top);
  const Axis horizontal(s.w, s.kw, s.stride_w, s.dilation_w, s.left);
  const int phases = s.stride_h * s.stride_w;
  const double flops = 2.0 * s.kh * s.kw * filters * s.c / phases;
  const Blocks blocks(s.n, vertical.most, horizontal.most,
                      block_pixels(ptrdiff_t(s.n) * vertical.most * horizontal.most, s.f,
                                   s.c * phases, flops * phases));
  // dz is read where it is, or a block's part of it from a copy: `line` floats a row.
  const bool in_place = gradient.activation == Activation::identity;
  const int line =
      s.f * (in_place ? s.ow : min(s.ow, blocks.columns + horizontal.high - horizontal.low));

  // Kernels with filters and channels swapped, phase by phase.
  const int padded = padded_columns(per_group);
  const int all_steps = s.kh * s.kw * filters;
  float* panels = (float*)scratch(For::packed,
                                  sizeof(float) * groups * ptrdiff_t(all_steps) * padded);
  const ptrdiff_t spans = ptrdiff_t(s.stride_h) * vertical.most + s.stride_w * horizontal.most;
  Span* rows_over = (Span*)scratch(For::lists,
                                   sizeof(Span) * spans + sizeof(int32_t) * all_steps);
  Span* columns_over = rows_over + ptrdiff_t(s.stride_h) * vertical.most;
  int32_t* lists = (int32_t*)(rows_over + spans);
  vertical.fill(rows_over, s.oh);
  horizontal.fill(columns_over, s.ow);
  int32_t* steps = lists;
  float* to = panels;
  for (int phase_h = 0; phase_h < s.stride_h; phase_h++)
    for (int phase_w = 0; phase_w < s.stride_w; phase_w++) {
      const Phase v = vertical[phase_h], h = horizontal[phase_w];
      const int depth = v.taps * h.taps * filters;
      for (int i = 0; i < v.taps; i++)
        for (int j = 0; j < h.taps; j++)
          for (int f = 0; f < filters; f++)
            *steps++ = (v.delta0 + i * v.delta_step) * line +
                       (h.delta0 + j * h.delta_step) * s.f + f;
      for (int g = 0; g < groups; g++) {
        // Panels of one phase hold all its taps: pack them panel by panel.
        for_each_panel(per_group, [&](int c0, const Width& width) {
          float* panel = to + ptrdiff_t(depth) * c0;
          const int filled = min(width.columns, per_group - c0);
          for (int i = 0; i < v.taps; i++)
            for (int j = 0; j < h.taps; j++) {
              const int tap = (v.tap0 + i * v.tap_step) * s.kw + h.tap0 + j * h.tap_step;
              const float* from =
                  kernel + (ptrdiff_t(tap) * (depthwise ? 1 : per_group) + (depthwise ? 0 : c0)) * s.f +
                  g * filters;
              for (int f = 0; f < filters; f++, panel += width.columns)
                for (int c = 0; c < width.columns; c++)
                  panel[c] = c < filled
                                 ? from[depthwise ? c0 + c : ptrdiff_t(c) * s.f + f]
                                 : 0;
            }
        });
        to += ptrdiff_t(depth) * padded;
      }
    }

  const Strides out = {ptrdiff_t(s.h) * s.w * s.c, s.stride_h * s.w * s.c, s.stride_w * s.c};
  parallel(blocks.count(), flops * s.n * s.h * s.w, [&](int task) {
    Block b = blocks[task];
    const Block full = b;
    const ptrdiff_t image = ptrdiff_t(b.image) * s.oh * s.ow * s.f;
    Strides in = {ptrdiff_t(s.oh) * line, line, s.f};
    const float* a = gradient.dy + image + ptrdiff_t(b.row) * line + ptrdiff_t(b.column) * s.f;
    if (!in_place) {
      const int top = max(b.row + vertical.low, 0);
      const int bottom = min(b.row + b.rows + vertical.high, s.oh);
      const int left = max(b.column + horizontal.low, 0);
      const int right = min(b.column + b.columns + horizontal.high, s.ow);
      const int rows = max(bottom - top, 0), columns = max(right - left, 0);
      in.image = ptrdiff_t(rows) * line;
      float* copy = (float*)scratch(For::input, sizeof(float) * b.images * in.image + 64);
      for (int i = 0; i < b.images; i++)
        for (int r = 0; r < rows; r++) {
          const ptrdiff_t from =
              image + ((ptrdiff_t(i) * s.oh + top + r) * s.ow + left) * s.f;
          chain_run(gradient, from, ptrdiff_t(columns) * s.f,
                    copy + i * in.image + ptrdiff_t(r) * line);
        }
      a = copy + ptrdiff_t(b.row - top) * line + ptrdiff_t(b.column - left) * s.f;
    }
    Product p = {};
    p.steps = lists;
    p.panels = panels;
    p.columns = per_group;
    for (int phase_h = 0; phase_h < s.stride_h; phase_h++)
      for (int phase_w = 0; phase_w < s.stride_w; phase_w++) {
        const Phase v = vertical[phase_h], h = horizontal[phase_w];
        const Span* over_v = rows_over + ptrdiff_t(phase_h) * vertical.most;
        const Span* over_h = columns_over + ptrdiff_t(phase_w) * horizontal.most;
        b.rows = max(min(full.rows, v.count - b.row), 0);
        b.columns = max(min(full.columns, h.count - b.column), 0);
        p.depth = v.taps * h.taps * filters;
        float* to = dx + b.image * out.image +
                    (ptrdiff_t(v.first + b.row * s.stride_h) * s.w + h.first +
                     b.column * s.stride_w) * s.c;
        for (int g = 0; g < groups; g++, p.panels += ptrdiff_t(p.depth) * padded) {
          p.a = a + g * filters;
          p.out = to + g * per_group;
          if (depthwise)
            multiply_block<true>(p, b, in, out, over_v, over_h, h.taps, filters);
          else
            multiply_block<false>(p, b, in, out, over_v, over_h, h.taps, filters);
        }
        p.steps += p.depth;
      }
  });
}

// Where the windows of a block's pixels lie: in the array itself or, where one reaches over
// an edge, in a copy with zeros around. Sums over pixels, unlike sums over taps, are not
// worth cutting up at the edges.
struct Input {
  int h, w, c;
  int step_h, step_w, reach_h, reach_w, first_h, first_w;
  bool in_place;
  int line;         // floats from row to row
  ptrdiff_t image;  // floats from image to image

  Input(const Slide& s, const Blocks& blocks)
      : h(s.h), w(s.w), c(s.c), step_h(s.stride_h), step_w(s.stride_w),
        reach_h((s.kh - 1) * s.dilation_h + 1), reach_w((s.kw - 1) * s.dilation_w + 1),
        first_h(-s.top), first_w(-s.left) {
    in_place = first_h >= 0 && first_w >= 0 && first_h + extent_h(blocks.h) <= h &&
               first_w + extent_w(blocks.w) <= w;
    line = (in_place ? w : extent_w(blocks.columns)) * c;
    image = ptrdiff_t(in_place ? h : extent_h(blocks.rows)) * line;
  }

  int extent_h(int rows) const { return (rows - 1) * step_h + reach_h; }
  int extent_w(int columns) const { return (columns - 1) * step_w + reach_w; }

  // Offset of a block's pixel from its first, both as windows begin.
  int32_t offset(int image_, int row, int column) const {
    return int32_t(image_ * image + ptrdiff_t(row) * step_h * line + column * step_w * c);
  }

  // A pointer into the array, or the copy.
  const float* of(const Block& b, const float* array) const {
    const int top = first_h + b.row * step_h, left = first_w + b.column * step_w;
    if (in_place) return array + ((ptrdiff_t(b.image) * h + top) * w + left) * c;
    float* copy = (float*)scratch(For::input, b.images * image * sizeof(float));
    const int rows = extent_h(b.rows), columns = extent_w(b.columns);
    const int before = min(max(-left, 0), columns);
    const int inside = max(min(left + columns, w) - max(left, 0), 0);
    const int after = columns - before - inside;
    for (int i = 0; i < b.images; i++)
      for (int r = 0; r < rows; r++) {
        float* to = copy + i * image + ptrdiff_t(r) * line;
        const int row = top + r;
        if (row < 0 || row >= h || !inside) {
          std::memset(to, 0, sizeof(float) * columns * c);
          continue;
        }
        std::memset(to, 0, sizeof(float) * before * c);
        const ptrdiff_t from = ((ptrdiff_t(b.image + i) * h + row) * w + max(left, 0)) * c;
        std::memcpy(to + before * c, array + from, sizeof(float) * inside * c);
        std::memset(to + (before + inside) * c, 0, sizeof(float) * after * c);
      }
    return copy;
  }
};

// dkernel[t, c, f] = sum over n, p of x[n, q(p, t), c] dz[n, p, f], and db[f] that of dz.
//
// Tasks are pairs of a share of the blocks and a share of the kernel's rows (taps and
// channels), both cut by shapes alone. Each share of the blocks adds to a kernel of its own,
// and these are added in order. A large kernel has few such copies and many shares of rows.
inline void conv2d_grad_kernel(const Slide& s, const Gradient& gradient, const float* x,
                               float* dkernel, float* db) {
  const bool depthwise = is_depthwise(s);
  const int groups = depthwise ? 1 : s.groups;
  const int per_group = depthwise ? 1 : s.c / groups, filters = s.f / groups;
  const int kernel_rows = s.kh * s.kw * per_group;
  const ptrdiff_t kernel_size = ptrdiff_t(kernel_rows) * s.f;
  const ptrdiff_t pixels = ptrdiff_t(s.n) * s.oh * s.ow;
  const double flops = 2.0 * kernel_rows * s.f * pixels;

  const int copies = max(min(min(16, int((1 << 20) / kernel_size)), int(flops / 1e6)), 1);
  const int share = int(min(1 << 30, int((pixels + copies - 1) / copies)));
  const int fits = BLOCK_BYTES / 4 / max(s.c * s.stride_h * s.stride_w, s.f);
  const Blocks blocks(s.n, s.oh, s.ow, max(min(fits, share), 12));
  const int shares = min(copies, blocks.count());
  const int row_shares = max(min(ceil_div(16, shares), kernel_rows / 48), 1);

  const Input input(s, blocks);
  const int most = blocks.images * blocks.rows * blocks.columns;
  int32_t* rows = (int32_t*)scratch(
      For::lists, sizeof(int32_t) * (2 * ptrdiff_t(kernel_rows) + most));
  int32_t *outs = rows + kernel_rows, *steps = outs + kernel_rows;
  for (int i = 0, r = 0; i < s.kh; i++)
    for (int j = 0; j < s.kw; j++)
      for (int c = 0; c < per_group; c++, r++) {
        rows[r] = i * s.dilation_h * input.line + j * s.dilation_w * s.c + c;
        outs[r] = r * s.f;
      }
  for (int i = 0, p = 0; i < blocks.images; i++)
    for (int r = 0; r < blocks.rows; r++)
      for (int q = 0; q < blocks.columns; q++) steps[p++] = input.offset(i, r, q);

  // The first share adds to the result itself.
  float* partial = (float*)scratch(For::partial,
                                   sizeof(float) * (shares * (kernel_size + s.f)));
  float* partial_db = partial + (shares - 1) * kernel_size;
  const ptrdiff_t panel = ptrdiff_t(most) * padded_columns(filters);

  parallel(shares * row_shares, flops, [&](int task) {
    const int part = task / row_shares, row_part = task % row_shares;
    const int row0 = int(ptrdiff_t(kernel_rows) * row_part / row_shares);
    const int row1 = int(ptrdiff_t(kernel_rows) * (row_part + 1) / row_shares);
    const int block0 = int(ptrdiff_t(blocks.count()) * part / shares);
    const int block1 = int(ptrdiff_t(blocks.count()) * (part + 1) / shares);
    float* sum = part ? partial + (part - 1) * kernel_size : dkernel;
    float* sum_db = row_part ? nullptr : partial_db + ptrdiff_t(part) * s.f;
    if (sum_db) std::memset(sum_db, 0, s.f * sizeof(float));
    float* panels = (float*)scratch(For::gradient, sizeof(float) * panel);
    for (int i = block0; i < block1; i++) {
      const Block b = blocks[i];
      const float* a = input.of(b, x);
      const ptrdiff_t first = ((ptrdiff_t(b.image) * s.oh + b.row) * s.ow + b.column) * s.f;
      for (int g = 0; g < groups; g++) {
        pack(gradient, first + g * filters, b.pixels(), s.f, filters, panels,
                      sum_db ? sum_db + g * filters : nullptr);
        Product p = {};
        p.a = a + g * per_group;
        p.rows = rows + row0;
        p.outs = outs + row0;
        p.n_rows = row1 - row0;
        p.steps = steps;
        p.depth = p.to = b.pixels();
        p.panels = panels;
        p.columns = filters;
        p.add = i > block0;
        p.out = sum + g * filters;
        depthwise ? multiply<true>(p) : multiply<false>(p);
      }
    }
  });

  std::memcpy(db, partial_db, s.f * sizeof(float));
  for (int part = 1; part < shares; part++)
    for (int f = 0; f < s.f; f++) db[f] += partial_db[ptrdiff_t(part) * s.f + f];
  if (shares == 1) return;
  parallel_runs(kernel_size, shares, [&](ptrdiff_t start, ptrdiff_t length) {
    for (int part = 1; part < shares; part++) {
      const float* more = partial + (part - 1) * kernel_size + start;
      float* to = dkernel + start;
      for (ptrdiff_t i = 0; i < length; i++) to[i] += more[i];
    }
  });
}

}  // namespace skconv::SKCONV_ISA

// Convolution and its gradients at any stride, padding, dilation and number of groups, each
// as the product of product.h. A dense layer is a convolution of images of one pixel.
//
// The work is cut into blocks of output pixels: several small images, rows of one, or a
// part of a long row. A block's input is read where it is, or, where the window reaches
// over the edge, from a copy with zeros around it that stays in the second-level cache: no
// branch asks for the edge anywhere else. An activation's gradient is taken while copying.
#pragma once

#include "activations.h"
#include "kernels.h"
#include "product.h"
#include "threads.h"

namespace skconv::SKCONV_ISA {

constexpr int BLOCK_BYTES = 131072;  // of input and of output that a block may take

// Pixels (n, h, w) in blocks of `images` whole images, or of `rows` rows of one, or of
// `columns` of one row. A short block's pixels are the first ones of a full block.
struct Blocks {
  int n, h, w;
  int images, rows, columns;

  Blocks(int n, int h, int w, int most_pixels) : n(n), h(h), w(w), images(1), rows(1), columns(w) {
    most_pixels = max(most_pixels, 1);
    if (w > most_pixels) {
      columns = even(w, most_pixels);
    } else if (ptrdiff_t(h) * w > most_pixels) {
      rows = even(h, most_pixels / w);
    } else {
      rows = h;
      images = even(n, most_pixels / (h * w));
    }
  }

  static int even(int all, int most) { return ceil_div(all, ceil_div(all, max(most, 1))); }
  int column_blocks() const { return ceil_div(w, columns); }
  int row_blocks() const { return ceil_div(h, rows); }
  int count() const { return ceil_div(n, images) * row_blocks() * column_blocks(); }

  struct Block {
    int image, row, column;  // the first
    int images, rows, columns;
    int pixels() const { return images * rows * columns; }
  };

  Block operator[](int i) const {
    const int column = i % column_blocks() * columns;
    const int row = i / column_blocks() % row_blocks() * rows;
    const int image = i / (column_blocks() * row_blocks()) * images;
    return {image, row, column, min(images, n - image), min(rows, h - row),
            min(columns, w - column)};
  }
};

typedef Blocks::Block Block;

// Where the input of blocks lies: in the array itself or in a copy with zeros around.
// `step`s are between neighbouring output pixels' windows, `reach` is a window's extent and
// `first` the input pixel at which output pixel 0's window begins.
struct Input {
  int h, w, c;
  int step_h, step_w, reach_h, reach_w, first_h, first_w;
  bool in_place;
  int line;         // floats from row to row
  ptrdiff_t image;  // floats from image to image

  Input(const Blocks& blocks, int h, int w, int c, int step_h, int step_w, int reach_h,
        int reach_w, int first_h, int first_w, bool must_copy)
      : h(h), w(w), c(c), step_h(step_h), step_w(step_w), reach_h(reach_h), reach_w(reach_w),
        first_h(first_h), first_w(first_w) {
    in_place = !must_copy && first_h >= 0 && first_w >= 0 &&
               first_h + extent_h(blocks.h) <= h && first_w + extent_w(blocks.w) <= w;
    line = (in_place ? w : extent_w(blocks.columns)) * c;
    image = ptrdiff_t(in_place ? h : extent_h(blocks.rows)) * line;
  }

  int extent_h(int rows) const { return (rows - 1) * step_h + reach_h; }
  int extent_w(int columns) const { return (columns - 1) * step_w + reach_w; }

  // Offset of a block's pixel from its first, both as windows begin.
  int32_t offset(int image_, int row, int column) const {
    return int32_t(image_ * image + ptrdiff_t(row) * step_h * line + column * step_w * c);
  }

  // A block's input: a pointer into the array, or the copy. `copy_run(to, offset, size)`
  // copies floats from the array.
  template <class CopyRun>
  const float* of(const Block& b, const float* array, CopyRun copy_run) const {
    const int top = first_h + b.row * step_h, left = first_w + b.column * step_w;
    if (in_place) return array + ((ptrdiff_t(b.image) * h + top) * w + left) * c;
    // Vectors of a depthwise product may read over the last pixel's end.
    float* copy = (float*)scratch(For::input, (b.images * image + MAX_READ) * sizeof(float));
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
        copy_run(to + before * c, from, inside * c);
        std::memset(to + (before + inside) * c, 0, sizeof(float) * after * c);
      }
    std::memset(copy + b.images * image, 0, sizeof(float) * MAX_READ);
    return copy;
  }

  static constexpr int MAX_READ = 64;
};

// As many pixels as keep a block's input and output in cache, and as leave some blocks for
// each thread; at least what a call of the product is worth.
inline int block_pixels(ptrdiff_t pixels, int input_floats, int output_floats,
                        double flops_per_pixel) {
  const int fits = BLOCK_BYTES / 4 / max(input_floats, output_floats);
  const ptrdiff_t share = (pixels + 31) / 32;
  const int worth = int(2e5 / flops_per_pixel) + 1;
  return max(min(fits, max(int(share < fits ? share : fits), worth)), 12);
}

inline bool is_depthwise(const Slide& s) { return s.groups > 1 && s.groups == s.c && s.c == s.f; }

// y[n, p, f] = activation(bias[f] + sum over t, c of x[n, q(p, t), c] kernel[t, c, f])
inline void conv2d(const Slide& s, const float* x, const float* kernel, const float* bias,
                   Activation activation, float* y) {
  const bool depthwise = is_depthwise(s);
  const int groups = depthwise ? 1 : s.groups;
  const int taps = s.kh * s.kw;
  const int per_group = depthwise ? 1 : s.c / groups, filters = s.f / groups;
  const int depth = taps * per_group;
  const double flops = 2.0 * depth * s.f;
  const Blocks blocks(s.n, s.oh, s.ow,
                      block_pixels(ptrdiff_t(s.n) * s.oh * s.ow,
                                   s.c * s.stride_h * s.stride_w, s.f, flops));
  const Input input(blocks, s.h, s.w, s.c, s.stride_h, s.stride_w,
                    (s.kh - 1) * s.dilation_h + 1, (s.kw - 1) * s.dilation_w + 1, -s.top,
                    -s.left, depthwise && padded_columns(s.c) != s.c);

  const ptrdiff_t panel = ptrdiff_t(depth) * padded_columns(filters);
  float* panels = (float*)scratch(For::packed, groups * panel * sizeof(float));
  for (int g = 0; g < groups; g++)
    pack(kernel + g * filters, s.f, 1, depth, filters, panels + g * panel);

  const int most = blocks.images * blocks.rows * blocks.columns;
  int32_t* steps = (int32_t*)scratch(For::lists, (depth + 2 * most) * sizeof(int32_t));
  int32_t *rows = steps + depth, *outs = rows + most;
  for (int i = 0, k = 0; i < s.kh; i++)
    for (int j = 0; j < s.kw; j++)
      for (int c = 0; c < per_group; c++, k++)
        steps[k] = i * s.dilation_h * input.line + j * s.dilation_w * s.c + c;
  for (int i = 0, p = 0; i < blocks.images; i++)
    for (int r = 0; r < blocks.rows; r++)
      for (int q = 0; q < blocks.columns; q++, p++) {
        rows[p] = input.offset(i, r, q);
        outs[p] = p * s.f;
      }

  parallel(blocks.count(), flops * s.n * s.oh * s.ow, [&](int task) {
    const Block b = blocks[task];
    const float* a = input.of(b, x, [&](float* to, ptrdiff_t from, int size) {
      std::memcpy(to, x + from, size * sizeof(float));
    });
    float* out = y + ((ptrdiff_t(b.image) * s.oh + b.row) * s.ow + b.column) * s.f;
    for (int g = 0; g < groups; g++) {
      const Product product = {a + g * per_group, rows, outs, b.pixels(), steps, depth,
                               panels + g * panel, filters, bias ? bias + g * filters : nullptr,
                               false, activation == Activation::relu, out + g * filters};
      depthwise ? multiply<true>(product) : multiply<false>(product);
    }
    if (activation != Activation::relu && activation != Activation::identity)
      activate_run(out, ptrdiff_t(b.pixels()) * s.f, activation, out);
  });
}

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
  int lowest() const { return taps ? delta0 + (taps - 1) * delta_step : 0; }
  int highest() const { return taps ? delta0 : 0; }
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
  Phase operator[](int phase) const { return Phase(phase, size, k, stride, dilation, padding); }
};

// dx[n, q, c] = sum over f and all p, t with q(p, t) = q of dz[n, p, f] kernel[t, c, f],
// for each phase of the rows and columns a convolution at stride 1.
inline void conv2d_grad_input(const Slide& s, const Gradient& gradient, const float* kernel,
                              float* dx) {
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
  const Input input(blocks, s.oh, s.ow, s.f, 1, 1, vertical.high - vertical.low + 1,
                    horizontal.high - horizontal.low + 1, vertical.low, horizontal.low,
                    gradient.activation != Activation::identity ||
                        (depthwise && padded_columns(s.c) != s.c));

  // Kernels with filters and channels swapped, phase by phase; an empty one has a start too.
  const int most = blocks.images * blocks.rows * blocks.columns;
  const int padded = padded_columns(per_group);
  const int all_steps = s.kh * s.kw * filters;
  float* panels = (float*)scratch(For::packed,
                                  sizeof(float) * groups * ptrdiff_t(all_steps) * padded);
  int32_t* lists = (int32_t*)scratch(
      For::lists, sizeof(int32_t) * (ptrdiff_t(all_steps) + 2 * ptrdiff_t(phases) * most));
  int32_t* steps = lists;
  float* to = panels;
  for (int phase_h = 0; phase_h < s.stride_h; phase_h++)
    for (int phase_w = 0; phase_w < s.stride_w; phase_w++) {
      const Phase v = vertical[phase_h], h = horizontal[phase_w];
      const int depth = v.taps * h.taps * filters;
      for (int i = 0; i < v.taps; i++)
        for (int j = 0; j < h.taps; j++)
          for (int f = 0; f < filters; f++)
            *steps++ = (v.delta0 + i * v.delta_step - vertical.low) * input.line +
                       (h.delta0 + j * h.delta_step - horizontal.low) * s.f + f;
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
      int32_t *rows = lists + all_steps + 2 * ptrdiff_t(phase_h * s.stride_w + phase_w) * most,
              *outs = rows + most;
      for (int i = 0, p = 0; i < blocks.images; i++)
        for (int r = 0; r < min(blocks.rows, v.count); r++)
          for (int q = 0; q < min(blocks.columns, h.count); q++, p++) {
            rows[p] = input.offset(i, r, q);
            outs[p] = int32_t(((ptrdiff_t(i) * s.h + r * s.stride_h) * s.w + q * s.stride_w) * s.c);
          }
    }

  parallel(blocks.count(), flops * s.n * s.h * s.w, [&](int task) {
    const Block b = blocks[task];
    const float* a = input.of(b, gradient.dy, [&](float* to, ptrdiff_t from, int size) {
      with_activation(gradient.activation, [&](auto of) {
        chain_run<decltype(of)::activation>(gradient.dy + from, gradient.y + from, size, to);
      });
    });
    const int32_t* steps = lists;
    const float* panel = panels;
    for (int phase_h = 0; phase_h < s.stride_h; phase_h++)
      for (int phase_w = 0; phase_w < s.stride_w; phase_w++) {
        const Phase v = vertical[phase_h], h = horizontal[phase_w];
        const int depth = v.taps * h.taps * filters;
        const int pixels = b.images * max(min(b.rows, v.count - b.row), 0) *
                           max(min(b.columns, h.count - b.column), 0);
        const int32_t* rows =
            lists + all_steps + 2 * ptrdiff_t(phase_h * s.stride_w + phase_w) * most;
        float* out = dx + ((ptrdiff_t(b.image) * s.h + v.first + b.row * s.stride_h) * s.w +
                           h.first + b.column * s.stride_w) *
                              s.c;
        for (int g = 0; g < groups; g++, panel += ptrdiff_t(depth) * padded) {
          const Product product = {a + g * filters, rows, rows + most, pixels, steps, depth,
                                   panel, per_group, nullptr, false, false,
                                   out + g * per_group};
          depthwise ? multiply<true>(product) : multiply<false>(product);
        }
        steps += depth;
      }
  });
}

// Put dz of some pixels into panels, and add it up for the bias unless db is nullptr.
inline void pack_gradient(const Gradient& g, ptrdiff_t first, int pixels, int pixel_stride,
                          int columns, float* panels, float* db) {
  with_activation(g.activation, [&](auto of) {
    constexpr Activation A = decltype(of)::activation;
    for_each_panel(columns, [&](int f, const Width& width) {
      with_shape(width, [&](auto shape) {
        constexpr int L = decltype(shape)::lanes, V = decltype(shape)::vectors;
        const int filled = min(L * V, columns - f);
        const float *dy = g.dy + first + f, *y = g.y + first + f;
        float* to = panels + ptrdiff_t(pixels) * f;
        Floats<L> sum[V] = {};
        if (filled == L * V) {
          for (int p = 0; p < pixels; p++, dy += pixel_stride, y += pixel_stride, to += L * V)
            for (int v = 0; v < V; v++) {
              Floats<L> dz = load<L>(dy + v * L);
              if (A != Activation::identity) dz = chain<L, A>(dz, load<L>(y + v * L));
              store<L>(to + v * L, dz);
              sum[v] += dz;
            }
        } else {
          for (int p = 0; p < pixels; p++, dy += pixel_stride, y += pixel_stride, to += L * V)
            for (int v = 0; v < V; v++) {
              const int left = filled - v * L;
              Floats<L> dz = {};
              if (left > 0) {
                dz = load<L>(dy + v * L, left);
                if (A != Activation::identity) dz = chain<L, A>(dz, load<L>(y + v * L, left));
              }
              store<L>(to + v * L, dz);
              sum[v] += dz;
            }
        }
        if (db)
          for (int v = 0; v < V && v * L < filled; v++) {
            Floats<L> total = load<L>(db + f + v * L, filled - v * L) + sum[v];
            store<L>(db + f + v * L, total, filled - v * L);
          }
      });
    });
  });
}

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

  const Input input(blocks, s.h, s.w, s.c, s.stride_h, s.stride_w,
                    (s.kh - 1) * s.dilation_h + 1, (s.kw - 1) * s.dilation_w + 1, -s.top,
                    -s.left, depthwise && padded_columns(s.c) != s.c);
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
      const float* a = input.of(b, x, [&](float* to, ptrdiff_t from, int size) {
        std::memcpy(to, x + from, size * sizeof(float));
      });
      const ptrdiff_t first = ((ptrdiff_t(b.image) * s.oh + b.row) * s.ow + b.column) * s.f;
      for (int g = 0; g < groups; g++) {
        pack_gradient(gradient, first + g * filters, b.pixels(), s.f, filters, panels,
                      sum_db ? sum_db + g * filters : nullptr);
        const Product product = {a + g * per_group, rows + row0, outs + row0, row1 - row0,
                                 steps, b.pixels(), panels, filters, nullptr,
                                 i > block0, false, sum + g * filters};
        depthwise ? multiply<true>(product) : multiply<false>(product);
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

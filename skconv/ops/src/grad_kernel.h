// The gradient of a convolution in its kernel and its bias, as the product of product.h. It
// takes dz = dy f'(y) in the same pass: dz is never in memory as a whole.
#pragma once

#include "activations.h"
#include "blocks.h"
#include "depthwise_grad_kernel.h"
#include "geometry.h"
#include "input.h"
#include "kept_grad_kernel.h"
#include "kernels.h"
#include "product.h"
#include "threads.h"
#include "unpool.h"
#include "winograd_grad_kernel.h"

namespace skconv::SKCONV_ISA {

// How the gradient in the kernel is cut up. Tasks are pairs of a share of the blocks and a
// share of the kernel's rows (taps and channels), both cut by shapes alone. Each share of the
// blocks adds to a kernel of its own, and these are added in order. A large kernel has few
// such copies and many shares of rows.
struct KernelGradient {
  const Slide& s;
  Groups groups;
  int rows;               // of the kernel as a matrix: taps and channels
  ptrdiff_t kernel_size;  // in floats
  double flops;
  Blocks blocks;
  int shares, row_shares;
  Input input;

  explicit KernelGradient(const Slide& s)
      : s(s), groups(s), rows(s.kh * s.kw * groups.depth_c()),
        kernel_size(ptrdiff_t(rows) * s.f), flops(2.0 * rows * s.f * pixels()),
        blocks(s.n, s.oh, s.ow, max(min(fitting_pixels(), share_pixels()), LEAST_PIXELS),
               copy_floats()),
        shares(min(copies(), blocks.count())),
        row_shares(max(min(ceil_div(MOST_COPIES, shares), rows / LEAST_ROWS), 1)),
        input(s, blocks) {}

  ptrdiff_t pixels() const { return ptrdiff_t(s.n) * s.oh * s.ow; }
  int most_pixels() const { return blocks.images * blocks.rows * blocks.columns; }
  int tasks() const { return shares * row_shares; }
  int first_row(int row_share) const { return int(ptrdiff_t(rows) * row_share / row_shares); }
  int first_block(int share) const { return int(ptrdiff_t(blocks.count()) * share / shares); }

 private:
  // That a copy takes at least, or adding it up would not be worth it. Flat from 1e5 to 1e7.
  static constexpr double COPY_FLOPS = 5e5;
  // Of a share of the kernel: some tiles. Flat from 12 to 48; 96 take 3 % longer.
  static constexpr int LEAST_ROWS = 48;

  // Of an image, or of the copy of it with zeros around that its windows reach.
  ptrdiff_t copy_floats() const {
    const ptrdiff_t rows = ptrdiff_t(s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1;
    const ptrdiff_t columns = ptrdiff_t(s.ow - 1) * s.stride_w + (s.kw - 1) * s.dilation_w + 1;
    const ptrdiff_t copy = rows * columns * s.c, image = image_floats(s);
    return copy > image ? copy : image;
  }
  int copies() const { return kernel_copies(kernel_size, pixels(), flops / COPY_FLOPS); }
  int share_pixels() const { return int(min64(1 << 30, (pixels() + copies() - 1) / copies())); }
  int fitting_pixels() const {
    return BLOCK_BYTES / 4 / max(s.c * s.stride_h * s.stride_w, s.f);
  }
};

// Where the rows of the kernel are in a window, and the pixels of a block.
struct KernelLists {
  const int32_t *a_rows, *c_rows, *steps;
};

inline KernelLists kernel_lists(const KernelGradient& k) {
  const Slide& s = k.s;
  int32_t* a_rows = (int32_t*)scratch(
      Scratch::lists, sizeof(int32_t) * (2 * ptrdiff_t(k.rows) + k.most_pixels()));
  int32_t *c_rows = a_rows + k.rows, *steps = c_rows + k.rows;
  for (int i = 0, r = 0; i < s.kh; i++)
    for (int j = 0; j < s.kw; j++)
      for (int c = 0; c < k.groups.depth_c(); c++, r++) {
        a_rows[r] = i * s.dilation_h * k.input.line + j * s.dilation_w * s.c + c;
        c_rows[r] = r * s.f;
      }
  for (int i = 0, p = 0; i < k.blocks.images; i++)
    for (int r = 0; r < k.blocks.rows; r++)
      for (int q = 0; q < k.blocks.columns; q++) steps[p++] = k.input.offset(i, r, q);
  return {a_rows, c_rows, steps};
}

// What the blocks of a share add to rows `row0` to `row1` of the kernel, and to db unless that
// is nullptr.
inline void sum_share(const KernelGradient& k, const KernelLists& lists,
                      const Gradient& gradient, const float* x, int share, int row0, int row1,
                      float* dkernel, float* db) {
  const Slide& s = k.s;
  const int filters = k.groups.f;
  float* panels = (float*)scratch(
      Scratch::gradient, sizeof(float) * k.most_pixels() * ptrdiff_t(padded_columns(filters)));
  if (db) std::memset(db, 0, s.f * sizeof(float));
  const int first_block = k.first_block(share);
  for (int i = first_block; i < k.first_block(share + 1); i++) {
    const Block b = k.blocks[i];
    const float* a = k.input.locate(b, x);
    const Gradient part = gradient.places ? unpool_block(s, gradient, b) : gradient;
    const ptrdiff_t first =
        gradient.places ? 0 : ((ptrdiff_t(b.image) * s.oh + b.row) * s.ow + b.column) * s.f;
    for (int g = 0; g < k.groups.count; g++) {
      pack(part, first + g * filters, b.pixels(), s.f, filters, panels,
           db ? db + g * filters : nullptr);
      Product p = {};
      p.a = a + g * k.groups.depth_c();
      p.a_rows = lists.a_rows + row0;
      p.c_rows = lists.c_rows + row0;
      p.m = row1 - row0;
      p.steps = lists.steps;
      p.depth = p.k_to = b.pixels();
      p.panels = panels;
      p.n = filters;
      p.add = i > first_block;  // `ends` nothing: there is neither a scale nor a ReLU
      p.c = dkernel + g * filters;
      p.elementwise = k.groups.elementwise;
      multiply(p);
    }
  }
}

// dkernel[t, c, f] = sum over n, p of x[n, q(p, t), c] dz[n, p, f], and db[f] that of dz.
inline void conv2d_grad_kernel(const Slide& s, const Gradient& gradient, const float* x,
                               float* dkernel, float* db) {
  if (s.algorithm == Algorithm::kept)
    return kept::conv2d_grad_kernel(s, gradient, x, dkernel, db);
  if (s.algorithm == Algorithm::winograd)
    return winograd::conv2d_grad_kernel(s, gradient, x, dkernel, db);
  const DepthwiseTaps taps = gradient.places ? nullptr : depthwise_taps_for(s);
  if (taps) return depthwise_grad_kernel(s, taps, gradient, x, dkernel, db);
  const KernelGradient k(s);
  const KernelLists lists = kernel_lists(k);
  // The first share adds to the result itself.
  float* partial = (float*)scratch(Scratch::partial,
                                   sizeof(float) * (k.shares - 1) * (k.kernel_size + s.f));
  float* partial_db = partial + (k.shares - 1) * k.kernel_size;
  parallel(k.tasks(), k.flops, [&](int task) {
    const int share = task / k.row_shares, row_share = task % k.row_shares;
    sum_share(k, lists, gradient, x, share, k.first_row(row_share), k.first_row(row_share + 1),
              share ? partial + (share - 1) * k.kernel_size : dkernel,
              row_share ? nullptr : share ? partial_db + ptrdiff_t(share - 1) * s.f : db);
  });
  add_shares(partial, k.shares - 1, k.kernel_size, dkernel);
  add_shares(partial_db, k.shares - 1, s.f, db);
}

}  // namespace skconv::SKCONV_ISA

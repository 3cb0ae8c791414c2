// The kernels as a WebAssembly module, for JavaScript: each op that it has, with its arguments in
// memory of the module. docs/browser/ops.mjs calls them, and checks shapes; the generic kernels
// compute. docs/scripts/wasm.py builds it.
//
// A processor of WebAssembly has no FlushDenormals. `flushed` does the same for each result, so
// that results are those of other processors to the bit, as long as no sum is as small as its
// smallest products: below 1e-31, say.
#include <cfloat>
#include <cstdlib>
#include <cstring>

#include "algorithms.h"
#include "kernels.h"
#include "threads.h"

#define SKCONV_EXPORT(name) extern "C" __attribute__((export_name(#name)))

namespace skconv {
namespace {

// How a window slides, as JavaScript writes it: ints in this order.
struct Geometry {
  int n, h, w, c;
  int oh, ow, f;  // oh and ow count all windows, also those that a pool leaves out
  int kh, kw;
  int stride_h, stride_w;
  int dilation_h, dilation_w;
  int top, left;
  int groups;
  int pool_h, pool_w;  // of a convolution that pools what it makes; 1 and 1 for none
};

struct Convolution {
  Slide slide;  // of the windows that the pool takes
  Slide all;
  Pool pool;
};

Slide slide_of(const Geometry& g) {
  return {g.n, g.h, g.w, g.c, g.oh, g.ow, g.f, g.kh, g.kw, g.stride_h, g.stride_w,
          g.dilation_h, g.dilation_w, g.top, g.left, g.groups};
}

Convolution convolution_of(const Geometry& g) {
  Convolution made = {slide_of(g), {}, {g.pool_h, g.pool_w}};
  int oh = g.oh, ow = g.ow;
  made.slide.oh = oh / g.pool_h * g.pool_h;
  made.slide.ow = ow / g.pool_w * g.pool_w;
  turn_column(made.slide, made.pool, oh, ow);
  made.all = made.slide;
  made.all.oh = oh, made.all.ow = ow;
  return made;
}

// A pool's gradient is of what it kept.
Gradient gradient_of(const float* dy, const float* y, int activation, ptrdiff_t size,
                     const uint8_t* places = nullptr, Pool pool = {}) {
  return {dy, y ? y : dy, Activation(activation), size, places, pool};
}

ptrdiff_t images(const Slide& s) { return ptrdiff_t(s.n) * s.h * s.w * s.c; }
ptrdiff_t outputs(const Slide& s, Pool pool = {}) {
  return ptrdiff_t(s.n) * (s.oh / pool.h) * (s.ow / pool.w) * s.f;
}
ptrdiff_t kernel_size(const Slide& s) {
  return ptrdiff_t(s.kh) * s.kw * (s.c / s.groups) * s.f;
}

// 0 with its sign where a number is denormal.
void flushed(float* a, ptrdiff_t size) {
  for (ptrdiff_t i = 0; i < size; i++) {
    const float size_of = __builtin_fabsf(a[i]);
    a[i] = size_of < FLT_MIN ? __builtin_copysignf(0.0f, a[i]) : a[i];
  }
}

// A normalisation's activation and its gradient: `shift` is what ReLU's y is computed from again.
Gradient normalized_gradient_of(const float* dy, const float* y, const float* shift,
                                int activation, ptrdiff_t size) {
  return gradient_of(dy, shift ? nullptr : y, activation, size);
}

}  // namespace

// Memory ------------------------------------------------------------------------------

SKCONV_EXPORT(allocate) void* allocate(size_t bytes) { return std::aligned_alloc(64, bytes); }
SKCONV_EXPORT(release) void release(void* start) { std::free(start); }

// Convolution and dense layers ----------------------------------------------------------

SKCONV_EXPORT(conv2d)
void conv2d(const Geometry& g, const float* x, const float* kernel, const float* bias,
            int activation, float* y, uint8_t* places) {
  Convolution c = convolution_of(g);
  c.slide.algorithm = forward_algorithm(c.all, c.pool);
  generic.conv2d(c.slide, x, kernel, bias, nullptr, Activation(activation), c.pool, y, places);
  flushed(y, outputs(c.slide, c.pool));
}

SKCONV_EXPORT(conv2d_grad_kernel)
void conv2d_grad_kernel(const Geometry& g, const float* dy, const float* y, int activation,
                        const uint8_t* places, const float* x, float* dkernel, float* db) {
  Convolution c = convolution_of(g);
  c.slide.algorithm = grad_kernel_algorithm(c.slide, c.pool);
  const ptrdiff_t size = outputs(c.slide, c.pool);
  const Gradient gradient = gradient_of(dy, y, activation, size, places, c.pool);
  generic.conv2d_grad_kernel(c.slide, gradient, x, dkernel, db);
  flushed(dkernel, kernel_size(c.slide));
  flushed(db, c.slide.f);
}

SKCONV_EXPORT(conv2d_grad_input)
void conv2d_grad_input(const Geometry& g, const float* dy, const float* y, int activation,
                       const uint8_t* places, const float* kernel, float* dx) {
  Convolution c = convolution_of(g);
  c.slide.algorithm = grad_input_algorithm(c.slide, c.pool);
  const ptrdiff_t size = outputs(c.slide, c.pool);
  const Gradient gradient = gradient_of(dy, y, activation, size, places, c.pool);
  generic.conv2d_grad_input(c.slide, gradient, kernel, dx);
  flushed(dx, images(c.slide));
}

SKCONV_EXPORT(column_sums)
void column_sums(const float* dz, int rows, int columns, float* db) {
  generic.column_sums(dz, rows, columns, db);
  flushed(db, columns);
}

// Pooling -------------------------------------------------------------------------------

SKCONV_EXPORT(max_pool)
void max_pool(const Geometry& g, const float* x, float* y, uint8_t* argmax) {
  generic.max_pool(slide_of(g), x, y, argmax, argmax ? 1 : 0);
}

SKCONV_EXPORT(max_pool_grad)
void max_pool_grad(const Geometry& g, const float* dy, const uint8_t* argmax, float* dx) {
  generic.max_pool_grad(slide_of(g), dy, argmax, 1, dx);
  flushed(dx, images(slide_of(g)));
}

SKCONV_EXPORT(avg_pool) void avg_pool(const Geometry& g, const float* x, float* y) {
  generic.avg_pool(slide_of(g), x, y);
  flushed(y, outputs(slide_of(g)));
}

SKCONV_EXPORT(avg_pool_grad) void avg_pool_grad(const Geometry& g, const float* dy, float* dx) {
  generic.avg_pool_grad(slide_of(g), dy, dx);
  flushed(dx, images(slide_of(g)));
}

// Activations and normalisation -----------------------------------------------------------

SKCONV_EXPORT(activate) void activate(const float* z, int size, int activation, float* y) {
  generic.activate(z, size, Activation(activation), y);
  flushed(y, size);
}

SKCONV_EXPORT(activate_grad)
void activate_grad(const float* dy, const float* y, int size, int activation, float* dz) {
  generic.activate_grad(gradient_of(dy, y, activation, size), dz);
  flushed(dz, size);
}

SKCONV_EXPORT(channel_moments)
void channel_moments(const float* x, int rows, int channels, float* mean, float* variance) {
  generic.channel_moments(x, rows, channels, mean, variance);
  flushed(mean, channels);
  flushed(variance, channels);
}

SKCONV_EXPORT(normalize)
void normalize(const float* x, int rows, int channels, const float* mean, const float* scale,
               const float* shift, int activation, float* y) {
  generic.normalize(x, rows, channels, mean, scale, shift, Activation(activation), y);
  flushed(y, ptrdiff_t(rows) * channels);
}

SKCONV_EXPORT(channel_products)
void channel_products(const float* dy, const float* y, const float* x, int rows, int channels,
                      const float* mean, const float* scale, const float* shift, int activation,
                      float* sums, float* products) {
  const ptrdiff_t size = ptrdiff_t(rows) * channels;
  generic.channel_products(normalized_gradient_of(dy, y, shift, activation, size), x, rows,
                           channels, mean, scale, shift, sums, products);
  flushed(sums, channels);
  flushed(products, channels);
}

SKCONV_EXPORT(normalize_grad)
void normalize_grad(const float* dy, const float* y, const float* x, int rows, int channels,
                    const float* mean, const float* scale, const float* shift, int activation,
                    const float* slope, const float* constant, float* dx) {
  const ptrdiff_t size = ptrdiff_t(rows) * channels;
  generic.normalize_grad(normalized_gradient_of(dy, y, shift, activation, size), x, rows,
                         channels, mean, scale, shift, slope, constant, dx);
  flushed(dx, size);
}

// Loss and steps --------------------------------------------------------------------------

// The mean over n rows; codes are ints here, which JavaScript has.
SKCONV_EXPORT(softmax_cross_entropy)
double softmax_cross_entropy(const float* logits, const int* codes, int n, int k,
                             float* dlogits) {
  int64_t* wide = (int64_t*)std::malloc(sizeof(int64_t) * n);
  if (!wide) __builtin_trap();
  for (int i = 0; i < n; i++) wide[i] = codes[i];
  const double loss = generic.softmax_cross_entropy(logits, wide, nullptr, 0, n, k, dlogits) / n;
  std::free(wide);
  flushed(dlogits, ptrdiff_t(n) * k);
  return loss;
}

SKCONV_EXPORT(adam_step)
void adam_step(float* parameters, float* moment_1, float* moment_2, const float* gradient,
               const float* decay, int size, float learning_rate, float rate, float new_1,
               float new_2, float epsilon) {
  generic.adam_step(parameters, moment_1, moment_2, gradient, decay, size,
                    {learning_rate, rate, new_1, new_2, epsilon});
  for (float* changed : {parameters, moment_1, moment_2}) flushed(changed, size);
}

// As in reference/training.py, which has no compiled twin.
SKCONV_EXPORT(sgd_step)
void sgd_step(float* parameters, float* velocity, const float* gradient, const float* decay,
              int size, float learning_rate, float momentum, int nesterov) {
  for (int i = 0; i < size; i++) {
    const float move = learning_rate * gradient[i];
    if (decay) parameters[i] -= learning_rate * decay[i] * parameters[i];
    velocity[i] = velocity[i] * momentum - move;
    parameters[i] += nesterov ? momentum * velocity[i] - move : velocity[i];
  }
}

}  // namespace skconv

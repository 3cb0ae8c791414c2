// What the Python module and the kernels agree on: plain data, and one table of functions
// for each instruction set. Arrays are C-contiguous and their shapes have been checked.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skconv {

// The order of activations.h's table and of compiled.py's.
enum class Activation : int { identity, relu, leaky_relu, elu, tanh, logistic };

// How to compute a convolution or a gradient of one: algorithms.h chooses.
enum class Algorithm : int { direct, winograd, thin, kept };

// A window that slides over images (n, h, w, c) and makes images (n, oh, ow, f). What lies
// outside of an image counts as zeros, so any offset and output size is safe. Offsets within
// an image, its copy with zeros around it, and a kernel fit an int: arrays.h checks that.
struct Slide {
  int n, h, w, c;
  int oh, ow, f;
  int kh, kw;
  int stride_h = 1, stride_w = 1;
  int dilation_h = 1, dilation_w = 1;
  int top = 0, left = 0;
  int groups = 1;
  Algorithm algorithm = Algorithm::direct;
};

// Windows of pixels of which an output keeps the largest, side by side from the first on:
// a last one that is not full is left out. 1 x 1: every pixel is kept.
struct Pool {
  int h = 1, w = 1;
  int pixels() const { return h * w; }
};

// A gradient on its way back through an activation: dz = dy * f'(y). Where the activation
// is the identity, y is not read.
//
// With a pool, dy and y are of what it kept, and `places` holds for each number which pixel of
// its window it was, i * pool.w + j. That pixel's dz is dy * f'(y), the others' are 0.
struct Gradient {
  const float* dy;
  const float* y;
  Activation activation;
  ptrdiff_t size;  // of each array
  const uint8_t* places = nullptr;
  Pool pool = {};
};

// new_1 = 1 - beta_1, and rate is the learning rate with the corrections for the start.
struct AdamRates {
  float learning_rate, rate, new_1, new_2, epsilon;
};

// Images (n, h, w, c); those with a border of a pixel around fit an int.
struct Images4 {
  int n, h, w, c;
};

// Images (n, h, w, c) that become by_h times as high and by_w times as wide.
struct Upsampling {
  int n, h, w, c;
  int by_h, by_w;
};

enum class Element : int { uint8, int32, int64, float32, float64 };

// KERNEL(result, name, arguments) for each kernel: what kernels.cpp makes a table of.
// clang-format off
#define SKCONV_KERNELS(KERNEL)                                                              \
  KERNEL(void, conv2d, (const Slide&, const float* x, const float* kernel,                  \
                        const float* bias, const float* scale, Activation, Pool, float* y,  \
                        uint8_t* places))                                                   \
  KERNEL(void, conv2d_grad_kernel, (const Slide&, const Gradient&, const float* x,          \
                                    float* dkernel, float* db))                             \
  KERNEL(void, conv2d_grad_input, (const Slide&, const Gradient&, const float* kernel,      \
                                   float* dx))                                              \
  KERNEL(void, max_pool, (const Slide&, const float* x, float* y, void* argmax,             \
                          int argmax_bytes))                                                \
  KERNEL(void, max_pool_grad, (const Slide&, const float* dy, const void* argmax,           \
                               int argmax_bytes, float* dx))                                \
  KERNEL(void, avg_pool, (const Slide&, const float* x, float* y))                          \
  KERNEL(void, avg_pool_grad, (const Slide&, const float* dy, float* dx))                   \
  KERNEL(void, upsample, (const Upsampling&, const float* x, bool bilinear, float* y))      \
  KERNEL(void, upsample_grad, (const Upsampling&, const float* dy, bool bilinear,           \
                               float* dx))                                                  \
  KERNEL(void, activate, (const float* z, ptrdiff_t size, Activation, float* y))            \
  KERNEL(void, add, (const float* a, const float* b, ptrdiff_t size, Activation, float* y)) \
  KERNEL(void, activate_grad, (const Gradient&, float* dz))                                 \
  KERNEL(void, channel_moments, (const float* x, ptrdiff_t rows, int channels, float* mean, \
                                 float* variance))                                          \
  KERNEL(void, normalize, (const float* x, ptrdiff_t rows, int channels, const float* mean, \
                           const float* scale, const float* shift, Activation, float* y))   \
  KERNEL(void, channel_products, (const Gradient&, const float* x, ptrdiff_t rows,          \
                                  int channels, const float* mean, const float* scale,      \
                                  const float* shift, float* sums, float* products))        \
  KERNEL(void, normalize_grad, (const Gradient&, const float* x, ptrdiff_t rows,            \
                                int channels, const float* mean, const float* scale,        \
                                const float* shift, const float* slope,                     \
                                const float* constant, float* dx))                          \
  KERNEL(void, column_sums, (const float* dz, ptrdiff_t rows, int columns, float* db))      \
  KERNEL(double, softmax_cross_entropy, (const float* logits, const int64_t* codes,         \
                                         const float* weights, float smoothing, int n,      \
                                         int k, float* dlogits))                            \
  KERNEL(double, soft_cross_entropy, (const float* logits, const float* targets,            \
                                      const float* weights, float smoothing, int n, int k,  \
                                      float* dlogits))                                      \
  KERNEL(void, exp_values, (const float* x, ptrdiff_t size, float* y))                      \
  KERNEL(void, log_values, (const float* x, ptrdiff_t size, double* y))                     \
  KERNEL(void, affine_transform, (const float* x, const Images4&, const float* matrix,      \
                                  const float* shift, float fill, float* y))                \
  KERNEL(void, adam_step, (float* parameters, float* moment_1, float* moment_2,             \
                           const float* gradient, const float* decay, ptrdiff_t size,       \
                           const AdamRates&))                                               \
  KERNEL(void, gather, (const void* x, Element, const int64_t* rows, ptrdiff_t n,           \
                        ptrdiff_t features, float* out))
// clang-format on

struct Kernels {
  const char* instruction_set;
#define SKCONV_FIELD(result, op, arguments) result(*op) arguments;
  SKCONV_KERNELS(SKCONV_FIELD)
#undef SKCONV_FIELD
};

// Those of them that were built.
extern const Kernels generic, avx2, avx512;

}  // namespace skconv

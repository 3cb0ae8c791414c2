// The Python module: checks every array's dtype, dimensions, contiguity and shape, releases
// the interpreter's lock, and calls the kernels of the instruction set in use. Outputs are
// handed in; nothing is converted or copied on the way.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <climits>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "kernels.h"
#include "threads.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using namespace skconv;

template <class T, int Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
using Images = Array<const float, 4>;
using ImagesOut = Array<float, 4>;
using Vector = Array<const float, 1>;
using VectorOut = Array<float, 1>;
using Matrix = Array<const float, 2>;
using Flat = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using FlatOut = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Argmax = nb::ndarray<nb::c_contig, nb::device::cpu>;

// Instruction sets that were built and that this machine has, the best first.
std::vector<const Kernels*> find_available() {
  std::vector<const Kernels*> found;
#ifdef SKCONV_AVX512
#ifdef SKCONV_EMULATE_AVX512
  const bool has_avx512 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
  if (has_avx512) found.push_back(&avx512);
#endif
#ifdef SKCONV_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2);
#endif
  found.push_back(&generic);
  return found;
}

const std::vector<const Kernels*> available = find_available();
const Kernels* kernels = available[0];

void require(bool holds, const char* rule) {
  if (!holds) throw nb::value_error(rule);
}

template <class A>
void check_aligned(const A& array) {
  require(reinterpret_cast<uintptr_t>(array.data()) % 4 == 0, "arrays must be aligned");
}

template <class A, class B>
bool same_shape(const A& a, const B& b) {
  if (a.ndim() != b.ndim()) return false;
  for (size_t i = 0; i < a.ndim(); i++)
    if (a.shape(i) != b.shape(i)) return false;
  return true;
}

Activation activation_of(int code) {
  require(code >= 0 && code <= int(Activation::logistic), "activation must be a code of the table");
  return Activation(code);
}

// Sizes of windows over x that make y, or that make what `pool` then makes y of.
struct Window {
  int kh, kw, stride_h, stride_w, dilation_h, dilation_w, top, left, groups;
  Pool pool = {1, 1};
};

template <class X, class Y>
Slide slide_of(const X& x, const Y& y, const Window& window) {
  // Offsets within an image, its copy with zeros around it and a kernel are ints.
  const double limit = INT_MAX / 4;
  for (size_t i = 0; i < 4; i++)
    require(x.shape(i) < limit && y.shape(i) < limit, "arrays are too large");
  const Pool pool = window.pool;
  require(pool.h > 0 && pool.w > 0 && double(pool.h) * pool.w * y.shape(1) * y.shape(2) < limit,
          "pool must be positive, and smaller");
  const Slide s = {int(x.shape(0)), int(x.shape(1)), int(x.shape(2)), int(x.shape(3)),
                   int(y.shape(1)) * pool.h, int(y.shape(2)) * pool.w, int(y.shape(3)), window.kh,
                   window.kw, window.stride_h, window.stride_w, window.dilation_h,
                   window.dilation_w, window.top, window.left, window.groups};
  require(y.shape(0) == x.shape(0), "x and y must hold as many images");
  require(s.h > 0 && s.w > 0 && s.c > 0 && s.oh > 0 && s.ow > 0 && s.f > 0 && s.kh > 0 && s.kw > 0,
          "images and kernels must not be empty");
  require(s.stride_h > 0 && s.stride_w > 0 && s.dilation_h > 0 && s.dilation_w > 0,
          "stride and dilation must be positive");
  require(s.top >= 0 && s.left >= 0, "padding must not be negative");
  const double rows = double(s.oh) * s.stride_h + double(s.kh) * s.dilation_h + s.h + s.top;
  const double columns = double(s.ow) * s.stride_w + double(s.kw) * s.dilation_w + s.w + s.left;
  const double channels = double(s.c) + s.f;
  require(rows * columns * channels < limit, "images are too large");
  require(double(s.n) * (s.h > s.oh ? s.h : s.oh) < limit, "there are too many images");
  return s;
}

template <class X, class Kernel, class Y>
Slide convolution_of(const X& x, const Kernel& kernel, const Y& y, Window window) {
  const double limit = INT_MAX / 4;
  for (size_t i = 0; i < 4; i++) require(kernel.shape(i) < limit, "kernel is too large");
  window.kh = int(kernel.shape(0));
  window.kw = int(kernel.shape(1));
  const Slide s = slide_of(x, y, window);
  require(s.groups > 0 && s.c % s.groups == 0 && s.f % s.groups == 0,
          "groups must divide channels and filters");
  require(kernel.shape(2) == size_t(s.c / s.groups) && kernel.shape(3) == size_t(s.f),
          "kernel must be (kh, kw, c / groups, f)");
  require(double(s.kh) * s.kw * (s.c / s.groups) * s.f < limit, "kernel is too large");
  return s;
}

Window window_of(int stride_h, int stride_w, int dilation_h, int dilation_w, int top, int left,
                 int groups) {
  return {0, 0, stride_h, stride_w, dilation_h, dilation_w, top, left, groups};
}

Gradient gradient_of(const Images& dy, const std::optional<Images>& y, int code) {
  const Activation activation = activation_of(code);
  require(y ? same_shape(*y, dy) : activation == Activation::identity,
          "y must have dy's shape; only the identity goes without it");
  check_aligned(dy);
  if (y) check_aligned(*y);
  return {dy.data(), y ? y->data() : dy.data(), activation, ptrdiff_t(dy.size())};
}

void conv2d(const Images& x, const Images& kernel, const std::optional<Vector>& bias,
            const std::optional<Vector>& scale, const ImagesOut& y, int stride_h, int stride_w,
            int dilation_h, int dilation_w, int top, int left, int groups, int activation,
            int pool_h, int pool_w) {
  Window window = window_of(stride_h, stride_w, dilation_h, dilation_w, top, left, groups);
  window.pool = {pool_h, pool_w};
  const Slide s = convolution_of(x, kernel, y, window);
  check_aligned(x), check_aligned(kernel), check_aligned(y);
  const auto by_filter = [&](const std::optional<Vector>& vector) -> const float* {
    if (!vector) return nullptr;
    require(vector->shape(0) == size_t(s.f), "bias and scale must be (f,)");
    check_aligned(*vector);
    return vector->data();
  };
  const float *shifts = by_filter(bias), *scales = by_filter(scale);
  if (!s.n) return;
  kernels->conv2d(s, x.data(), kernel.data(), shifts, scales,
                  activation_of(activation), window.pool, y.data());
}

void conv2d_grad_kernel(const Images& dy, const std::optional<Images>& y, const Images& x,
                        const ImagesOut& dkernel, const VectorOut& db, int stride_h, int stride_w,
                        int dilation_h, int dilation_w, int top, int left, int groups,
                        int activation) {
  const Slide s = convolution_of(
      x, dkernel, dy, window_of(stride_h, stride_w, dilation_h, dilation_w, top, left, groups));
  const Gradient gradient = gradient_of(dy, y, activation);
  require(db.shape(0) == size_t(s.f), "db must be (f,)");
  check_aligned(x), check_aligned(dkernel), check_aligned(db);
  if (!s.n) {
    std::memset(dkernel.data(), 0, dkernel.nbytes());
    std::memset(db.data(), 0, db.nbytes());
    return;
  }
  kernels->conv2d_grad_kernel(s, gradient, x.data(), dkernel.data(), db.data());
}

void conv2d_grad_input(const Images& dy, const std::optional<Images>& y, const Images& kernel,
                       const ImagesOut& dx, int stride_h, int stride_w, int dilation_h,
                       int dilation_w, int top, int left, int groups, int activation) {
  const Slide s = convolution_of(
      dx, kernel, dy, window_of(stride_h, stride_w, dilation_h, dilation_w, top, left, groups));
  const Gradient gradient = gradient_of(dy, y, activation);
  check_aligned(kernel), check_aligned(dx);
  if (s.n) kernels->conv2d_grad_input(s, gradient, kernel.data(), dx.data());
}

template <class X, class Y>
Slide pool_of(const X& x, const Y& y, int kh, int kw, int stride_h, int stride_w, int top,
              int left) {
  const Slide s = slide_of(x, y, {kh, kw, stride_h, stride_w, 1, 1, top, left, 1});
  require(s.f == s.c, "x and y must have as many channels");
  require(top < kh && left < kw && double(s.oh - 1) * stride_h - top < s.h &&
              double(s.ow - 1) * stride_w - left < s.w,
          "each window must hold a pixel");
  check_aligned(x), check_aligned(y);
  return s;
}

template <class Y>
int bytes_of(const Argmax& argmax, const Y& y, const Slide& s) {
  const bool is_8 = argmax.dtype() == nb::dtype<uint8_t>();
  require(is_8 || argmax.dtype() == nb::dtype<uint16_t>(), "argmax must be of uint8 or uint16");
  require(double(s.kh) * s.kw <= (is_8 ? 256 : 65536), "argmax is too small for its window");
  require(same_shape(argmax, y), "argmax must have y's shape");
  require(reinterpret_cast<uintptr_t>(argmax.data()) % (is_8 ? 1 : 2) == 0,
          "arrays must be aligned");
  return is_8 ? 1 : 2;
}

void max_pool(const Images& x, const ImagesOut& y, const std::optional<Argmax>& argmax, int kh,
              int kw, int stride_h, int stride_w, int top, int left) {
  const Slide s = pool_of(x, y, kh, kw, stride_h, stride_w, top, left);
  kernels->max_pool(s, x.data(), y.data(), argmax ? argmax->data() : nullptr,
                    argmax ? bytes_of(*argmax, y, s) : 0);
}

void max_pool_grad(const Images& dy, const Argmax& argmax, const ImagesOut& dx, int kh, int kw,
                   int stride_h, int stride_w, int top, int left) {
  const Slide s = pool_of(dx, dy, kh, kw, stride_h, stride_w, top, left);
  kernels->max_pool_grad(s, dy.data(), argmax.data(), bytes_of(argmax, dy, s), dx.data());
}

void avg_pool(const Images& x, const ImagesOut& y, int kh, int kw, int stride_h, int stride_w,
              int top, int left) {
  kernels->avg_pool(pool_of(x, y, kh, kw, stride_h, stride_w, top, left), x.data(), y.data());
}

void avg_pool_grad(const Images& dy, const ImagesOut& dx, int kh, int kw, int stride_h,
                   int stride_w, int top, int left) {
  kernels->avg_pool_grad(pool_of(dx, dy, kh, kw, stride_h, stride_w, top, left), dy.data(),
                         dx.data());
}

void activate(const Flat& z, const FlatOut& y, int activation) {
  require(same_shape(z, y), "y must have z's shape");
  check_aligned(z), check_aligned(y);
  kernels->activate(z.data(), z.size(), activation_of(activation), y.data());
}

void activate_grad(const Flat& dy, const Flat& y, const FlatOut& dz, int activation) {
  require(same_shape(dy, y) && same_shape(dy, dz), "dy, y and dz must have one shape");
  check_aligned(dy), check_aligned(y), check_aligned(dz);
  kernels->activate_grad(
      {dy.data(), y.data(), activation_of(activation), ptrdiff_t(dy.size())}, dz.data());
}

// The vectors of a normalisation have an element for each column of x.
template <class... Vectors>
void check_channels(const Matrix& x, const Vectors&... vectors) {
  require(x.shape(0) > 0 && x.shape(1) > 0 && x.shape(1) < INT_MAX / 64, "x must not be empty");
  require(((vectors.shape(0) == x.shape(1)) && ...), "vectors must have x's columns");
  check_aligned(x), (check_aligned(vectors), ...);
}

Gradient gradient_of(const Matrix& dy, const std::optional<Matrix>& y, const Matrix& x, int code) {
  const Activation activation = activation_of(code);
  require(same_shape(dy, x) && (y ? same_shape(*y, dy) : activation == Activation::identity),
          "dy and y must have x's shape; only the identity goes without y");
  check_aligned(dy);
  if (y) check_aligned(*y);
  return {dy.data(), y ? y->data() : dy.data(), activation, ptrdiff_t(dy.size())};
}

void channel_moments(const Matrix& x, const VectorOut& mean, const VectorOut& variance) {
  check_channels(x, mean, variance);
  kernels->channel_moments(x.data(), x.shape(0), int(x.shape(1)), mean.data(), variance.data());
}

void normalize(const Matrix& x, const Vector& mean, const Vector& scale, const Vector& shift,
               const Array<float, 2>& y, int activation) {
  require(same_shape(x, y), "y must have x's shape");
  check_channels(x, mean, scale, shift), check_aligned(y);
  kernels->normalize(x.data(), x.shape(0), int(x.shape(1)), mean.data(), scale.data(),
                     shift.data(), activation_of(activation), y.data());
}

void channel_products(const Matrix& dy, const std::optional<Matrix>& y, const Matrix& x,
                      const Vector& mean, const VectorOut& sums, const VectorOut& products,
                      int activation) {
  const Gradient gradient = gradient_of(dy, y, x, activation);
  check_channels(x, mean, sums, products);
  kernels->channel_products(gradient, x.data(), x.shape(0), int(x.shape(1)), mean.data(),
                            sums.data(), products.data());
}

void normalize_grad(const Matrix& dy, const std::optional<Matrix>& y, const Matrix& x,
                    const Vector& mean, const Vector& scale, const Vector& slope,
                    const Vector& shift, const Array<float, 2>& dx, int activation) {
  const Gradient gradient = gradient_of(dy, y, x, activation);
  require(same_shape(x, dx), "dx must have x's shape");
  check_channels(x, mean, scale, slope, shift), check_aligned(dx);
  kernels->normalize_grad(gradient, x.data(), x.shape(0), int(x.shape(1)), mean.data(),
                          scale.data(), slope.data(), shift.data(), dx.data());
}

void column_sums(const Matrix& dz, const VectorOut& db) {
  require(dz.shape(1) == db.shape(0) && dz.shape(1) < INT_MAX, "db must have dz's columns");
  check_aligned(dz), check_aligned(db);
  kernels->column_sums(dz.data(), dz.shape(0), int(dz.shape(1)), db.data());
}

double softmax_cross_entropy(const Matrix& logits, const Array<const int64_t, 1>& codes,
                             const std::optional<Vector>& weight, float smoothing,
                             const Array<float, 2>& dlogits) {
  const size_t n = logits.shape(0), k = logits.shape(1);
  require(n > 0 && k > 0 && n < INT_MAX && k < INT_MAX, "logits must not be empty");
  require(codes.shape(0) == n && (!weight || weight->shape(0) == n) && same_shape(logits, dlogits),
          "codes and weight must be (n,), dlogits like logits");
  for (size_t i = 0; i < n; i++)
    require(codes.data()[i] >= 0 && codes.data()[i] < int64_t(k), "codes must be 0 to k - 1");
  check_aligned(logits), check_aligned(dlogits);
  if (weight) check_aligned(*weight);
  return kernels->softmax_cross_entropy(logits.data(), codes.data(),
                                        weight ? weight->data() : nullptr, smoothing, int(n),
                                        int(k), dlogits.data()) /
         double(n);
}

void adam_step(const VectorOut& parameters, const Vector& gradient, const VectorOut& moment_1,
               const VectorOut& moment_2, const std::optional<Vector>& decay, float learning_rate,
               float rate, float new_1, float new_2, float epsilon) {
  require(same_shape(parameters, gradient) && same_shape(parameters, moment_1) &&
              same_shape(parameters, moment_2) && (!decay || same_shape(parameters, *decay)),
          "all arrays must be as long as parameters");
  check_aligned(parameters), check_aligned(gradient), check_aligned(moment_1);
  check_aligned(moment_2);
  if (decay) check_aligned(*decay);
  kernels->adam_step(parameters.data(), gradient.data(), moment_1.data(), moment_2.data(),
                     decay ? decay->data() : nullptr, parameters.size(),
                     {learning_rate, rate, new_1, new_2, epsilon});
}

Element element_of(const nb::dlpack::dtype& dtype) {
  if (dtype == nb::dtype<uint8_t>()) return Element::uint8;
  if (dtype == nb::dtype<int32_t>()) return Element::int32;
  if (dtype == nb::dtype<int64_t>()) return Element::int64;
  if (dtype == nb::dtype<float>()) return Element::float32;
  require(dtype == nb::dtype<double>(), "x must be of uint8, int32, int64, float32 or float64");
  return Element::float64;
}

void gather(const nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>& x,
            const Array<const int64_t, 1>& rows, float scale, const Array<float, 2>& out) {
  const Element element = element_of(x.dtype());
  require(out.shape(0) == rows.shape(0) && out.shape(1) == x.shape(1),
          "out must have a row for each of rows");
  for (size_t i = 0; i < rows.shape(0); i++)
    require(rows.data()[i] >= 0 && rows.data()[i] < int64_t(x.shape(0)), "rows must be rows of x");
  require(reinterpret_cast<uintptr_t>(x.data()) % (x.itemsize()) == 0, "arrays must be aligned");
  check_aligned(out);
  if (out.size())
    kernels->gather(x.data(), element, rows.data(), rows.shape(0), x.shape(1), scale, out.data());
}

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Kernels* each : available) names.push_back(each->name);
  return names;
}

void use(const std::string& name) {
  for (const Kernels* each : available)
    if (name == each->name) {
      kernels = each;
      return;
    }
  throw nb::value_error("no such instruction set on this machine");
}

}  // namespace

NB_MODULE(_kernels, m) {
  const auto guard = nb::call_guard<nb::gil_scoped_release>();
  const auto bind = [&](const char* name, auto function, auto... arguments) {
    m.def(name, function, arguments..., guard);
  };
  // None of an array's arguments may be converted: that would copy it.
  const auto array = [](const char* name) { return nb::arg(name).noconvert(); };
  const auto optional = [](const char* name) { return nb::arg(name).noconvert().none(); };

  bind("conv2d", conv2d, array("x"), array("kernel"), optional("bias"), optional("scale"),
       array("y"), "stride_h"_a, "stride_w"_a, "dilation_h"_a, "dilation_w"_a, "top"_a, "left"_a,
       "groups"_a, "activation"_a, "pool_h"_a = 1, "pool_w"_a = 1);
  bind("conv2d_grad_kernel", conv2d_grad_kernel, array("dy"), optional("y"), array("x"),
       array("dkernel"), array("db"), "stride_h"_a, "stride_w"_a, "dilation_h"_a, "dilation_w"_a,
       "top"_a, "left"_a, "groups"_a, "activation"_a);
  bind("conv2d_grad_input", conv2d_grad_input, array("dy"), optional("y"), array("kernel"),
       array("dx"), "stride_h"_a, "stride_w"_a, "dilation_h"_a, "dilation_w"_a, "top"_a, "left"_a,
       "groups"_a, "activation"_a);
  bind("max_pool", max_pool, array("x"), array("y"), optional("argmax"), "kh"_a, "kw"_a,
       "stride_h"_a, "stride_w"_a, "top"_a, "left"_a);
  bind("max_pool_grad", max_pool_grad, array("dy"), array("argmax"), array("dx"), "kh"_a, "kw"_a,
       "stride_h"_a, "stride_w"_a, "top"_a, "left"_a);
  bind("avg_pool", avg_pool, array("x"), array("y"), "kh"_a, "kw"_a, "stride_h"_a, "stride_w"_a,
       "top"_a, "left"_a);
  bind("avg_pool_grad", avg_pool_grad, array("dy"), array("dx"), "kh"_a, "kw"_a, "stride_h"_a,
       "stride_w"_a, "top"_a, "left"_a);
  bind("activate", activate, array("z"), array("y"), "activation"_a);
  bind("activate_grad", activate_grad, array("dy"), array("y"), array("dz"), "activation"_a);
  bind("channel_moments", channel_moments, array("x"), array("mean"), array("variance"));
  bind("normalize", normalize, array("x"), array("mean"), array("scale"), array("shift"),
       array("y"), "activation"_a);
  bind("channel_products", channel_products, array("dy"), optional("y"), array("x"),
       array("mean"), array("sums"), array("products"), "activation"_a);
  bind("normalize_grad", normalize_grad, array("dy"), optional("y"), array("x"), array("mean"),
       array("scale"), array("slope"), array("shift"), array("dx"), "activation"_a);
  bind("column_sums", column_sums, array("dz"), array("db"));
  bind("softmax_cross_entropy", softmax_cross_entropy, array("logits"), array("codes"),
       optional("weight"), "smoothing"_a, array("dlogits"));
  bind("adam_step", adam_step, array("parameters"), array("gradient"), array("moment_1"),
       array("moment_2"), optional("decay"), "learning_rate"_a, "rate"_a, "new_1"_a, "new_2"_a,
       "epsilon"_a);
  bind("gather", gather, array("x"), array("rows"), "scale"_a, array("out"));

  m.def("instruction_sets", instruction_sets);
  m.def("instruction_set", [] { return kernels->name; });
  m.def("use", use);
  m.def("max_threads", max_threads);
}

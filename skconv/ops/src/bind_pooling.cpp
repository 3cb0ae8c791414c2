// Pooling and its gradients, as the Python module has them.
#include "arrays.h"

namespace skconv {
namespace {

using ArgmaxOut = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Argmax = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

template <class X, class Y>
Slide pool_of(const X& x, const Y& y, const Window& window) {
  const Slide s = slide_of(x, y, window);
  require(s.f == s.c, "x and y must have as many channels");
  require(s.dilation_h == 1 && s.dilation_w == 1, "a pool is not dilated");
  require(s.top < s.kh && s.left < s.kw && double(s.oh - 1) * s.stride_h - s.top < s.h &&
              double(s.ow - 1) * s.stride_w - s.left < s.w,
          "each window must hold a pixel");
  check_all_aligned(x, y);
  return s;
}

template <class A, class Y>
int bytes_of(const A& argmax, const Y& y, const Slide& s) {
  const bool is_8 = argmax.dtype() == nb::dtype<uint8_t>();
  require(is_8 || argmax.dtype() == nb::dtype<uint16_t>(), "argmax must be of uint8 or uint16");
  require(double(s.kh) * s.kw <= (is_8 ? 256 : 65536), "argmax is too small for its window");
  require(same_shape(argmax, y), "argmax must have y's shape");
  require(reinterpret_cast<uintptr_t>(argmax.data()) % (is_8 ? 1 : 2) == 0,
          "arrays must be aligned");
  return is_8 ? 1 : 2;
}

void max_pool(const Images& x, const ImagesOut& y, const std::optional<ArgmaxOut>& argmax,
              const Window& window) {
  const Slide s = pool_of(x, y, window);
  kernels->max_pool(s, x.data(), y.data(), argmax ? argmax->data() : nullptr,
                    argmax ? bytes_of(*argmax, y, s) : 0);
}

void max_pool_grad(const Images& dy, const Argmax& argmax, const ImagesOut& dx,
                   const Window& window) {
  const Slide s = pool_of(dx, dy, window);
  const bool is_8 = bytes_of(argmax, dy, s) == 1;
  is_8 ? check_taps<uint8_t>(argmax, s.kh * s.kw) : check_taps<uint16_t>(argmax, s.kh * s.kw);
  kernels->max_pool_grad(s, dy.data(), argmax.data(), bytes_of(argmax, dy, s), dx.data());
}

void avg_pool(const Images& x, const ImagesOut& y, const Window& window) {
  kernels->avg_pool(pool_of(x, y, window), x.data(), y.data());
}

void avg_pool_grad(const Images& dy, const ImagesOut& dx, const Window& window) {
  kernels->avg_pool_grad(pool_of(dx, dy, window), dy.data(), dx.data());
}

}  // namespace

void bind_pooling(nb::module_& m) {
  bind(m, "max_pool", max_pool, array("x"), array("y"), optional("argmax"), "window"_a);
  bind(m, "max_pool_grad", max_pool_grad, array("dy"), array("argmax"), array("dx"), "window"_a);
  bind(m, "avg_pool", avg_pool, array("x"), array("y"), "window"_a);
  bind(m, "avg_pool_grad", avg_pool_grad, array("dy"), array("dx"), "window"_a);
}

}  // namespace skconv

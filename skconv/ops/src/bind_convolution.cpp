// Convolution and its gradients, as the Python module has them.
#include <cstring>

#include "algorithms.h"
#include "arrays.h"

namespace skconv {
namespace {

template <class X, class Kernel, class Y>
Slide convolution_of(const X& x, const Kernel& kernel, const Y& y, Window& window, int groups,
                     Pool& pool) {
  const double limit = INT_MAX / 4;
  for (size_t i = 0; i < 4; i++) require_room(kernel.shape(i) < limit, "kernel is too large");
  Slide s = slide_of(x, y, window, groups, pool);
  require(s.groups > 0 && s.c % s.groups == 0 && s.f % s.groups == 0,
          "groups must divide channels and filters");
  require(kernel.shape(0) == size_t(s.kh) && kernel.shape(1) == size_t(s.kw) &&
              kernel.shape(2) == size_t(s.c / s.groups) && kernel.shape(3) == size_t(s.f),
          "kernel must be (kh, kw, c / groups, f)");
  require_room(double(s.kh) * s.kw * (s.c / s.groups) * s.f < limit, "kernel is too large");
  turn_column(s, pool, window.oh, window.ow);
  return s;
}

// The places of what a pool keeps of each window, unless they are not asked for.
template <class Y, class P>
void check_places(const Y& y, const std::optional<P>& places, Pool pool) {
  require(!places || same_shape(*places, y), "places must have the shape of y");
  require(!places || double(pool.h) * pool.w <= 256, "places must fit uint8");
}

Gradient pooled_gradient_of(const Images& dy, const std::optional<Images>& y, int activation,
                            Pool pool, const std::optional<Places>& places) {
  require(places || pool.pixels() == 1, "a pool's gradient needs places");
  check_places(dy, places, pool);
  if (places) check_taps<uint8_t>(*places, pool.pixels());
  Gradient gradient = gradient_of(dy, y, activation);
  gradient.places = places ? places->data() : nullptr;
  gradient.pool = pool;
  return gradient;
}

void conv2d(const Images& x, const Images& kernel, const std::optional<Vector>& bias,
            const std::optional<Vector>& scale, const ImagesOut& y, Window window, int groups,
            int activation, int pool_h, int pool_w,
            const std::optional<PlacesOut>& places) {
  Pool pool = {pool_h, pool_w};
  Slide s = convolution_of(x, kernel, y, window, groups, pool);
  // Of all outputs: with a pool and without one they are the same to the bit.
  Slide all = s;
  all.oh = window.oh, all.ow = window.ow;
  s.algorithm = forward_algorithm(all, pool);
  check_places(y, places, pool);
  check_all_aligned(x, kernel, y);
  for (const std::optional<Vector>* vector : {&bias, &scale})
    require(!*vector || (*vector)->shape(0) == size_t(s.f), "bias and scale must be (f,)");
  const float *biases = data_of(bias), *scales = data_of(scale);
  const Activation fused = activation_of(activation);
  if (s.n)
    kernels->conv2d(s, x.data(), kernel.data(), biases, scales, fused, pool, y.data(),
                    places ? places->data() : nullptr);
}

void conv2d_grad_kernel(const Images& dy, const std::optional<Images>& y, const Images& x,
                        const ImagesOut& dkernel, const VectorOut& db, Window window, int groups,
                        int activation, int pool_h, int pool_w,
                        const std::optional<Places>& places) {
  Pool pool = {pool_h, pool_w};
  Slide s = convolution_of(x, dkernel, dy, window, groups, pool);
  s.algorithm = grad_kernel_algorithm(s, pool);
  const Gradient gradient = pooled_gradient_of(dy, y, activation, pool, places);
  require(db.shape(0) == size_t(s.f), "db must be (f,)");
  check_all_aligned(x, dkernel, db);
  if (s.n) return kernels->conv2d_grad_kernel(s, gradient, x.data(), dkernel.data(), db.data());
  std::memset(dkernel.data(), 0, dkernel.nbytes());
  std::memset(db.data(), 0, db.nbytes());
}

void conv2d_grad_input(const Images& dy, const std::optional<Images>& y, const Images& kernel,
                       const ImagesOut& dx, Window window, int groups, int activation,
                       int pool_h, int pool_w, const std::optional<Places>& places) {
  Pool pool = {pool_h, pool_w};
  Slide s = convolution_of(dx, kernel, dy, window, groups, pool);
  s.algorithm = grad_input_algorithm(s, pool);
  const Gradient gradient = pooled_gradient_of(dy, y, activation, pool, places);
  check_all_aligned(kernel, dx);
  if (s.n) kernels->conv2d_grad_input(s, gradient, kernel.data(), dx.data());
}

}  // namespace

void bind_convolution(nb::module_& m) {
  bind(m, "conv2d", conv2d, array("x"), array("kernel"), optional("bias"), optional("scale"),
       array("y"), "window"_a, "groups"_a, "activation"_a, "pool_h"_a = 1, "pool_w"_a = 1,
       optional("places") = nb::none());
  bind(m, "conv2d_grad_kernel", conv2d_grad_kernel, array("dy"), optional("y"), array("x"),
       array("dkernel"), array("db"), "window"_a, "groups"_a, "activation"_a, "pool_h"_a = 1,
       "pool_w"_a = 1, optional("places") = nb::none());
  bind(m, "conv2d_grad_input", conv2d_grad_input, array("dy"), optional("y"), array("kernel"),
       array("dx"), "window"_a, "groups"_a, "activation"_a, "pool_h"_a = 1, "pool_w"_a = 1,
       optional("places") = nb::none());
  // For tests and benchmarks: use an algorithm wherever it can be used (true), or nowhere (false).
  const auto bind_use = [&](const char* name, Algorithm algorithm) {
    m.def(name, [=](std::optional<bool> use) { wanted[int(algorithm)] = use; }, "use"_a.none());
  };
  bind_use("use_winograd", Algorithm::winograd);
  bind_use("use_thin", Algorithm::thin);
  bind_use("use_kept", Algorithm::kept);
}

}  // namespace skconv

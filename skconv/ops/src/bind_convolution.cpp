// Convolution and its gradients, as the Python module has them. A dense layer is a convolution of
// images of one pixel: its arrays are matrices.
#include <cstring>

#include "algorithms.h"
#include "arrays.h"

namespace skconv {
namespace {

Slide convolution_of(const Sizes& x, const Sizes& kernel, const Sizes& y, Window& window,
                     int groups, Pool& pool) {
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

Gradient pooled_gradient_of(const Flat& dy, const std::optional<Flat>& y, int activation, Pool pool,
                            const std::optional<Places>& places) {
  require(places || pool.pixels() == 1, "a pool's gradient needs places");
  check_places(dy, places, pool);
  if (places) check_taps<uint8_t>(*places, pool.pixels());
  Gradient gradient = gradient_of(dy, y, activation);
  gradient.places = places ? places->data() : nullptr;
  gradient.pool = pool;
  return gradient;
}

void conv2d(const Flat& x, const Flat& kernel, const std::optional<Vector>& bias,
            const std::optional<Vector>& scale, const FlatOut& y, Window window, int groups,
            int activation, int pool_h, int pool_w,
            const std::optional<PlacesOut>& places) {
  Pool pool = {pool_h, pool_w};
  Slide s = convolution_of(sizes_of_images(x), sizes_of_kernel(kernel), sizes_of_images(y), window,
                           groups, pool);
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

// The gradients for which there are arrays: dx needs the kernel, and dkernel and db need x.
void conv2d_backward(const Flat& dy, const std::optional<Flat>& y, const std::optional<Flat>& x,
                     const std::optional<Flat>& kernel, const std::optional<FlatOut>& dx,
                     const std::optional<FlatOut>& dkernel, const std::optional<VectorOut>& db,
                     Window window, int groups, int activation, int pool_h, int pool_w,
                     const std::optional<Places>& places) {
  require((x || dx) && (kernel || dkernel), "the sizes of x and kernel are not known");
  require(kernel || !dx, "dx needs the kernel");
  require(!dkernel == !db && (x || !dkernel), "dkernel needs x and db");
  require(!x || !dx || same_shape(*x, *dx), "dx must have the shape of x");
  require(!kernel || !dkernel || same_shape(*kernel, *dkernel), "dkernel must have kernel's shape");
  Pool pool = {pool_h, pool_w};
  Slide s = convolution_of(x ? sizes_of_images(*x) : sizes_of_images(*dx),
                           kernel ? sizes_of_kernel(*kernel) : sizes_of_kernel(*dkernel),
                           sizes_of_images(dy), window, groups, pool);
  const Gradient gradient = pooled_gradient_of(dy, y, activation, pool, places);
  require(!db || db->shape(0) == size_t(s.f), "db must be (f,)");
  const float *images = data_of(x), *weights = data_of(kernel);
  float *dimages = data_of(dx), *dweights = data_of(dkernel), *dbiases = data_of(db);
  if (dx && s.n) {
    s.algorithm = grad_input_algorithm(s, pool);
    kernels->conv2d_grad_input(s, gradient, weights, dimages);
  }
  if (!dkernel) return;
  s.algorithm = grad_kernel_algorithm(s, pool);
  if (s.n) return kernels->conv2d_grad_kernel(s, gradient, images, dweights, dbiases);
  std::memset(dweights, 0, dkernel->nbytes());
  std::memset(dbiases, 0, db->nbytes());
}

}  // namespace

void bind_convolution(nb::module_& m) {
  bind(m, "conv2d", conv2d, array("x"), array("kernel"), optional("bias"), optional("scale"),
       array("y"), "window"_a, "groups"_a, "activation"_a, "pool_h"_a = 1, "pool_w"_a = 1,
       optional("places") = nb::none());
  bind(m, "conv2d_backward", conv2d_backward, array("dy"), optional("y"), optional("x"),
       optional("kernel"), optional("dx"), optional("dkernel"), optional("db"), "window"_a,
       "groups"_a, "activation"_a, "pool_h"_a = 1, "pool_w"_a = 1,
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

// Images enlarged by whole numbers, as the Python module has them.
#include "arrays.h"

namespace skconv {
namespace {

template <class X, class Y>
Upsampling upsampling_of(const X& x, const Y& y) {
  const size_t n = x.shape(0), h = x.shape(1), w = x.shape(2), c = x.shape(3);
  require(x.size() > 0, "images must not be empty");
  require(y.shape(0) == n && y.shape(3) == c && y.shape(1) % h == 0 && y.shape(2) % w == 0 &&
              y.size() > 0,
          "y must hold images of a multiple of x's size");
  const double limit = INT_MAX / 8;
  require_room(double(y.shape(1)) * y.shape(2) * c < limit && double(n) * y.shape(1) < limit,
               "images are too large");
  check_all_aligned(x, y);
  return {int(n), int(h), int(w), int(c), int(y.shape(1) / h), int(y.shape(2) / w)};
}

void upsample(const Images& x, const ImagesOut& y, bool bilinear) {
  kernels->upsample(upsampling_of(x, y), x.data(), bilinear, y.data());
}

void upsample_grad(const Images& dy, const ImagesOut& dx, bool bilinear) {
  kernels->upsample_grad(upsampling_of(dx, dy), dy.data(), bilinear, dx.data());
}

}  // namespace

void bind_upsampling(nb::module_& m) {
  bind(m, "upsample", upsample, array("x"), array("y"), "bilinear"_a);
  bind(m, "upsample_grad", upsample_grad, array("dy"), array("dx"), "bilinear"_a);
}

}  // namespace skconv

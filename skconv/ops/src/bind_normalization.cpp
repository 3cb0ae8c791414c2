// Activations and the normalisation of channels, as the Python module has them.
#include "arrays.h"

namespace skconv {
namespace {

void activate(const Flat& z, const FlatOut& y, int activation) {
  require(same_shape(z, y), "y must have z's shape");
  check_all_aligned(z, y);
  kernels->activate(z.data(), z.size(), activation_of(activation), y.data());
}

void add(const Flat& a, const Flat& b, const FlatOut& y, int activation) {
  require(same_shape(a, b) && same_shape(a, y), "a, b and y must have one shape");
  check_all_aligned(a, b, y);
  kernels->add(a.data(), b.data(), a.size(), activation_of(activation), y.data());
}

void activate_grad(const Flat& dy, const Flat& y, const FlatOut& dz, int activation) {
  require(same_shape(dy, dz), "dz must have dy's shape");
  check_aligned(dz);
  kernels->activate_grad(gradient_of(dy, std::optional<Flat>(y), activation), dz.data());
}

// The vectors of a normalisation have an element for each column of x.
template <class... Vectors>
void check_channels(const Matrix& x, const Vectors&... vectors) {
  require(x.shape(0) > 0 && x.shape(1) > 0, "x must not be empty");
  require_room(x.shape(1) < INT_MAX / 64, "x has too many columns");
  require(((vectors.shape(0) == x.shape(1)) && ...), "vectors must have x's columns");
  check_all_aligned(x, vectors...);
}

void channel_moments(const Matrix& x, const VectorOut& mean, const VectorOut& variance) {
  check_channels(x, mean, variance);
  kernels->channel_moments(x.data(), x.shape(0), int(x.shape(1)), mean.data(), variance.data());
}

void normalize(const Matrix& x, const Vector& mean, const Vector& scale, const Vector& shift,
               const MatrixOut& y, int activation) {
  require(same_shape(x, y), "y must have x's shape");
  check_channels(x, mean, scale, shift), check_aligned(y);
  kernels->normalize(x.data(), x.shape(0), int(x.shape(1)), mean.data(), scale.data(),
                     shift.data(), activation_of(activation), y.data());
}

// As gradient_of. With `shift`, y is computed again from x.
Gradient normalized_gradient_of(const Matrix& dy, const std::optional<Matrix>& y,
                                const std::optional<Vector>& shift, const Matrix& x,
                                int activation) {
  require(same_shape(dy, x), "dy must have x's shape");
  if (!shift) return gradient_of(dy, y, activation);
  require(!y && activation_of(activation) == Activation::relu,
          "with shift, the activation must be ReLU, and y None");
  require(shift->shape(0) == x.shape(1), "vectors must have x's columns");
  Gradient gradient = gradient_of(dy, y, int(Activation::identity));
  gradient.activation = Activation::relu;
  return gradient;
}

void channel_products(const Matrix& dy, const std::optional<Matrix>& y, const Matrix& x,
                      const Vector& mean, const Vector& scale, const std::optional<Vector>& shift,
                      const VectorOut& sums, const VectorOut& products, int activation) {
  const Gradient gradient = normalized_gradient_of(dy, y, shift, x, activation);
  check_channels(x, mean, scale, sums, products);
  kernels->channel_products(gradient, x.data(), x.shape(0), int(x.shape(1)), mean.data(),
                            scale.data(), data_of(shift), sums.data(), products.data());
}

void normalize_grad(const Matrix& dy, const std::optional<Matrix>& y, const Matrix& x,
                    const Vector& mean, const Vector& scale, const std::optional<Vector>& shift,
                    const Vector& slope, const Vector& constant, const MatrixOut& dx,
                    int activation) {
  require(same_shape(x, dx), "dx must have x's shape");
  const Gradient gradient = normalized_gradient_of(dy, y, shift, x, activation);
  check_channels(x, mean, scale, slope, constant), check_aligned(dx);
  kernels->normalize_grad(gradient, x.data(), x.shape(0), int(x.shape(1)), mean.data(),
                          scale.data(), data_of(shift), slope.data(), constant.data(), dx.data());
}

}  // namespace

void bind_normalization(nb::module_& m) {
  bind(m, "activate", activate, array("z"), array("y"), "activation"_a);
  bind(m, "add", add, array("a"), array("b"), array("y"), "activation"_a);
  bind(m, "activate_grad", activate_grad, array("dy"), array("y"), array("dz"), "activation"_a);
  bind(m, "channel_moments", channel_moments, array("x"), array("mean"), array("variance"));
  bind(m, "normalize", normalize, array("x"), array("mean"), array("scale"), array("shift"),
       array("y"), "activation"_a);
  bind(m, "channel_products", channel_products, array("dy"), optional("y"), array("x"),
       array("mean"), array("scale"), optional("shift"), array("sums"), array("products"),
       "activation"_a);
  bind(m, "normalize_grad", normalize_grad, array("dy"), optional("y"), array("x"),
       array("mean"), array("scale"), optional("shift"), array("slope"), array("constant"),
       array("dx"), "activation"_a);
}

}  // namespace skconv

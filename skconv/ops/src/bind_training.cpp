// The parts of a training step besides layers, as the Python module has them.
#include <vector>

#include "arrays.h"

namespace skconv {
namespace {

using Indices = Array<const int64_t, 1>;
using Rows = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// A copy of indices, checked: other threads run meanwhile, and may write to the array.
std::vector<int64_t> checked(const Indices& indices, size_t stop, const char* rule) {
  std::vector<int64_t> copy(indices.data(), indices.data() + indices.shape(0));
  for (const int64_t index : copy) require(index >= 0 && index < int64_t(stop), rule);
  return copy;
}

bool apart(const float* a, const float* b, size_t size) {
  const uintptr_t first = uintptr_t(a), second = uintptr_t(b), bytes = size * sizeof(float);
  return first + bytes <= second || second + bytes <= first;
}

void column_sums(const Matrix& dz, const VectorOut& db) {
  require(dz.shape(1) == db.shape(0), "db must have dz's columns");
  require_room(dz.shape(1) < INT_MAX, "dz has too many columns");
  check_all_aligned(dz, db);
  kernels->column_sums(dz.data(), dz.shape(0), int(dz.shape(1)), db.data());
}

double softmax_cross_entropy(const Matrix& logits, const Indices& codes,
                             const std::optional<Vector>& weights, float smoothing,
                             const MatrixOut& dlogits) {
  const size_t n = logits.shape(0), k = logits.shape(1);
  require(n > 0 && k > 0, "logits must not be empty");
  require_room(n < INT_MAX && k < INT_MAX, "logits are too large");
  require(codes.shape(0) == n && (!weights || weights->shape(0) == n) &&
              same_shape(logits, dlogits),
          "codes and weights must be (n,), dlogits like logits");
  const auto own = checked(codes, k, "codes must be 0 to k - 1");
  check_all_aligned(logits, dlogits);
  return kernels->softmax_cross_entropy(logits.data(), own.data(), data_of(weights), smoothing,
                                        int(n), int(k), dlogits.data()) /
         double(n);
}

double soft_cross_entropy(const Matrix& logits, const Matrix& targets,
                          const std::optional<Vector>& weights, float smoothing,
                          const MatrixOut& dlogits) {
  const size_t n = logits.shape(0), k = logits.shape(1);
  require(n > 0 && k > 0, "logits must not be empty");
  require_room(n < INT_MAX && k < INT_MAX, "logits are too large");
  require(same_shape(logits, targets) && same_shape(logits, dlogits) &&
              (!weights || weights->shape(0) == n),
          "targets and dlogits must be like logits, weights (n,)");
  check_all_aligned(logits, targets, dlogits);
  return kernels->soft_cross_entropy(logits.data(), targets.data(), data_of(weights), smoothing,
                                     int(n), int(k), dlogits.data()) /
         double(n);
}

void exp_values(const Vector& x, const VectorOut& y) {
  require(same_shape(x, y), "y must have x's shape");
  check_all_aligned(x, y);
  kernels->exp_values(x.data(), x.size(), y.data());
}

void log_values(const Vector& x, const Array<double, 1>& y) {
  require(same_shape(x, y), "y must have x's shape");
  check_all_aligned(x, y);
  kernels->log_values(x.data(), x.size(), y.data());
}

void affine_transform(const Images& x, const Flat& matrix, const Matrix& shift, float fill,
                      const ImagesOut& y) {
  const size_t n = x.shape(0), h = x.shape(1), w = x.shape(2), c = x.shape(3);
  require(same_shape(x, y) && x.size() > 0, "y must have the shape of x, which must not be empty");
  require(matrix.ndim() == 3 && matrix.shape(0) == n && matrix.shape(1) == 2 &&
              matrix.shape(2) == 2 && shift.shape(0) == n && shift.shape(1) == 2,
          "matrix must be (n, 2, 2), shift (n, 2)");
  const double limit = 1 << 22;  // positions keep a fraction in a float
  require_room(n < INT_MAX / 4 && h < limit && w < limit && c < limit &&
                   double(h + 2) * double(w + 2) * double(c) < INT_MAX / 4,
               "images are too large");
  check_all_aligned(x, matrix, shift, y);
  kernels->affine_transform(x.data(), {int(n), int(h), int(w), int(c)}, matrix.data(),
                            shift.data(), fill, y.data());
}

void adam_step(const VectorOut& parameters, const VectorOut& moment_1, const VectorOut& moment_2,
               const Vector& gradient, const std::optional<Vector>& decay, float learning_rate,
               float rate, float new_1, float new_2, float epsilon) {
  require(same_shape(parameters, gradient) && same_shape(parameters, moment_1) &&
              same_shape(parameters, moment_2) && (!decay || same_shape(parameters, *decay)),
          "all arrays must be as long as parameters");
  const float* written[] = {parameters.data(), moment_1.data(), moment_2.data()};
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < i; j++)
      require(apart(written[i], written[j], parameters.size()), "updated arrays overlap");
    require(apart(written[i], gradient.data(), parameters.size()) &&
                (!decay || apart(written[i], decay->data(), parameters.size())),
            "an array overlaps one that is updated");
  }
  check_all_aligned(parameters, gradient, moment_1, moment_2);
  kernels->adam_step(parameters.data(), moment_1.data(), moment_2.data(), gradient.data(),
                     data_of(decay), parameters.size(),
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

void gather(const Rows& x, const Indices& rows, const MatrixOut& out) {
  const Element element = element_of(x.dtype());
  require(out.shape(0) == rows.shape(0) && out.shape(1) == x.shape(1),
          "out must have a row for each of rows");
  const auto own = checked(rows, x.shape(0), "rows must be rows of x");
  require(reinterpret_cast<uintptr_t>(x.data()) % x.itemsize() == 0, "arrays must be aligned");
  check_aligned(out);
  if (out.size())
    kernels->gather(x.data(), element, own.data(), own.size(), x.shape(1), out.data());
}

}  // namespace

void bind_training(nb::module_& m) {
  bind(m, "column_sums", column_sums, array("dz"), array("db"));
  bind(m, "softmax_cross_entropy", softmax_cross_entropy, array("logits"), array("codes"),
       optional("weights"), "smoothing"_a, array("dlogits"));
  bind(m, "soft_cross_entropy", soft_cross_entropy, array("logits"), array("targets"),
       optional("weights"), "smoothing"_a, array("dlogits"));
  bind(m, "exp_values", exp_values, array("x"), array("y"));
  bind(m, "log_values", log_values, array("x"), array("y"));
  bind(m, "affine_transform", affine_transform, array("x"), array("matrix"), array("shift"),
       "fill"_a, array("y"));
  bind(m, "adam_step", adam_step, array("parameters"), array("moment_1"), array("moment_2"),
       array("gradient"), optional("decay"), "learning_rate"_a, "rate"_a, "new_1"_a, "new_2"_a,
       "epsilon"_a);
  bind(m, "gather", gather, array("x"), array("rows"), array("out"));
}

}  // namespace skconv

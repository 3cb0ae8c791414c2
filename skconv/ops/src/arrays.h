// Arrays and windows as they come from Python, and the checks before a kernel runs: of every
// array's dtype, dimensions, contiguity and shape. Outputs are arguments; nothing is converted
// or copied on the way.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <climits>
#include <optional>
#include <stdexcept>

#include "kernels.h"
#include "threads.h"

namespace skconv {

namespace nb = nanobind;
using namespace nb::literals;

template <class T, int Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
using Images = Array<const float, 4>;
using ImagesOut = Array<float, 4>;
using Vector = Array<const float, 1>;
using VectorOut = Array<float, 1>;
using Matrix = Array<const float, 2>;
using MatrixOut = Array<float, 2>;
using Flat = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using FlatOut = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Places = Array<const uint8_t, 4>;
using PlacesOut = Array<uint8_t, 4>;

// A Window of geometry.py. The padding at the bottom and right follows from the output.
struct Window {
  int kh, kw;
  int stride_h, stride_w;
  int dilation_h, dilation_w;
  int top, left;
  int oh, ow;
};

// The kernels of the instruction set in use (module.cpp).
extern const Kernels* kernels;

inline void require(bool holds, const char* rule) {
  if (!holds) throw nb::value_error(rule);
}

// Sizes that the kernels' offsets have no room for: dispatch.py calls the definition then.
inline void require_room(bool holds, const char* rule) {
  if (!holds) throw std::overflow_error(rule);
}

template <class A>
void check_aligned(const A& array) {
  require(reinterpret_cast<uintptr_t>(array.data()) % 4 == 0, "arrays must be aligned");
}

template <class... Arrays>
void check_all_aligned(const Arrays&... arrays) {
  (check_aligned(arrays), ...);
}

// nullptr for None.
template <class A>
auto* data_of(const std::optional<A>& array) {
  if (array) check_aligned(*array);
  return array ? array->data() : nullptr;
}

template <class A, class B>
bool same_shape(const A& a, const B& b) {
  if (a.ndim() != b.ndim()) return false;
  for (size_t i = 0; i < a.ndim(); i++)
    if (a.shape(i) != b.shape(i)) return false;
  return true;
}

// These files are compiled for size, in which GCC makes no vectors of a loop.
#if defined(__GNUC__) && !defined(__clang__)
#define SKCONV_FAST __attribute__((optimize("O3")))
#else
#define SKCONV_FAST
#endif

// Each number of an argmax must be below `taps`.
template <class Index, class A>
SKCONV_FAST void check_taps(const A& argmax, int taps) {
  const Index* tap = (const Index*)argmax.data();
  const size_t size = argmax.size();
  Index most = 0;
  for (size_t i = 0; i < size; i++) most = tap[i] > most ? tap[i] : most;
  require(most < taps, "argmax must be the number of a tap");
}

// The four sizes of images or of a kernel.
struct Sizes {
  size_t sizes[4];
  size_t shape(size_t axis) const { return sizes[axis]; }
};

// Of images (n, h, w, c), or of a matrix (n, c): each row is an image of one pixel.
template <class A>
Sizes sizes_of_images(const A& a) {
  if (a.ndim() == 2) return {{a.shape(0), 1, 1, a.shape(1)}};
  require(a.ndim() == 4, "images must be (n, h, w, c) or (n, c)");
  return {{a.shape(0), a.shape(1), a.shape(2), a.shape(3)}};
}

// Of a kernel (kh, kw, c, f), or of a matrix (c, f): it has one tap.
template <class A>
Sizes sizes_of_kernel(const A& a) {
  if (a.ndim() == 2) return {{1, 1, a.shape(0), a.shape(1)}};
  require(a.ndim() == 4, "kernel must be (kh, kw, c, f) or (c, f)");
  return {{a.shape(0), a.shape(1), a.shape(2), a.shape(3)}};
}

inline Activation activation_of(int code) {
  require(code >= 0 && code <= int(Activation::logistic), "activation must be a code of the table");
  return Activation(code);
}

template <class A>
Gradient gradient_of(const A& dy, const std::optional<A>& y, int code) {
  const Activation activation = activation_of(code);
  require(y ? same_shape(*y, dy) : activation == Activation::identity,
          "y must have dy's shape; only the identity takes None");
  check_aligned(dy);
  const float* saved = data_of(y);
  return {dy.data(), saved ? saved : dy.data(), activation, ptrdiff_t(dy.size())};
}

// A window that slides over x and makes y, or makes what `pool` then makes y of.
//
// The kernels keep offsets within an image, its copy with zeros around it, its gradient and a
// kernel as ints: hence the limits. Blocks of several images keep below them (blocks.h).
template <class X, class Y>
Slide slide_of(const X& x, const Y& y, const Window& window, int groups = 1, Pool pool = {}) {
  const double limit = INT_MAX / 4;
  for (size_t i = 0; i < 4; i++)
    require_room(x.shape(i) < limit && y.shape(i) < limit, "arrays are too large");
  require(pool.h > 0 && pool.w > 0, "pool must be positive");
  require(y.shape(1) == size_t(window.oh / pool.h) && y.shape(2) == size_t(window.ow / pool.w),
          "y must have the window's output size");
  const Slide s = {.n = int(x.shape(0)), .h = int(x.shape(1)), .w = int(x.shape(2)),
                   .c = int(x.shape(3)),
                   .oh = int(y.shape(1)) * pool.h, .ow = int(y.shape(2)) * pool.w,
                   .f = int(y.shape(3)),
                   .kh = window.kh, .kw = window.kw,
                   .stride_h = window.stride_h, .stride_w = window.stride_w,
                   .dilation_h = window.dilation_h, .dilation_w = window.dilation_w,
                   .top = window.top, .left = window.left, .groups = groups};
  require(y.shape(0) == x.shape(0), "x and y must hold as many images");
  require(s.h > 0 && s.w > 0 && s.c > 0 && s.oh > 0 && s.ow > 0 && s.f > 0 && s.kh > 0 && s.kw > 0,
          "images and kernels must not be empty");
  require(s.stride_h > 0 && s.stride_w > 0 && s.dilation_h > 0 && s.dilation_w > 0,
          "stride and dilation must be positive");
  require(s.top >= 0 && s.left >= 0, "padding must not be negative");
  // What all windows reach, and where the pixels that they reach lie in y.
  const double reach_h = double(s.kh) * s.dilation_h, reach_w = double(s.kw) * s.dilation_w;
  const double rows = s.top + std::max(double(s.h), double(s.oh) * s.stride_h + reach_h);
  const double columns = s.left + std::max(double(s.w), double(s.ow) * s.stride_w + reach_w);
  const double y_rows = (rows + reach_h) / s.stride_h + 2;
  const double y_columns = (columns + reach_w) / s.stride_w + 2;
  require_room(rows * columns * s.c < INT_MAX && y_rows * y_columns * s.f < INT_MAX,
               "images are too large");
  require_room(double(s.n) * (s.h > s.oh ? s.h : s.oh) < limit, "there are too many images");
  return s;
}

// None of an array's arguments may be converted: that would copy it.
inline auto array(const char* name) { return nb::arg(name).noconvert(); }
inline auto optional(const char* name) { return nb::arg(name).noconvert().none(); }

// Add a function to the module that runs without the interpreter's lock, and flushes denormals.
template <class Function, class... Arguments>
void bind(nb::module_& m, const char* name, Function function, const Arguments&... arguments) {
  m.def(name, function, arguments..., nb::call_guard<nb::gil_scoped_release, FlushDenormals>());
}

void bind_convolution(nb::module_& m);
void bind_pooling(nb::module_& m);
void bind_normalization(nb::module_& m);
void bind_training(nb::module_& m);
void bind_upsampling(nb::module_& m);

}  // namespace skconv

// A Python Window: a tuple of pairs (size, stride, dilation, padding, output), whose padding
// is two pairs. Read item by item: it takes 60 ns.
template <>
struct nanobind::detail::type_caster<skconv::Window> {
  NB_TYPE_CASTER(skconv::Window, const_name("skconv.ops.Window"))

  bool from_python(handle source, uint32_t, cleanup_list*) noexcept {
    PyObject* fields[5];
    PyObject* padding[2];
    return unpack(source.ptr(), fields, 5) && pair(fields[0], value.kh, value.kw) &&
           pair(fields[1], value.stride_h, value.stride_w) &&
           pair(fields[2], value.dilation_h, value.dilation_w) && unpack(fields[3], padding, 2) &&
           first(padding[0], value.top) && first(padding[1], value.left) &&
           pair(fields[4], value.oh, value.ow);
  }

 private:
  // Borrowed references to the items of a tuple.
  static bool unpack(PyObject* tuple, PyObject** items, Py_ssize_t size) {
    if (!PyTuple_Check(tuple) || PyTuple_Size(tuple) != size) return false;
    for (Py_ssize_t i = 0; i < size; i++) items[i] = PyTuple_GetItem(tuple, i);
    return true;
  }
  // Numbers beyond an int become the nearest one, for which kernels have no room.
  static bool integer(PyObject* item, int& number) {
    int overflow;
    const long long read = PyLong_AsLongLongAndOverflow(item, &overflow);
    if (read == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      return false;
    }
    number = overflow > 0 || read > INT_MAX ? INT_MAX
             : overflow < 0 || read < INT_MIN ? INT_MIN
                                              : int(read);
    return true;
  }
  static bool pair(PyObject* tuple, int& vertical, int& horizontal) {
    PyObject* items[2];
    return unpack(tuple, items, 2) && integer(items[0], vertical) &&
           integer(items[1], horizontal);
  }
  static bool first(PyObject* tuple, int& number) {
    int second;
    return pair(tuple, number, second);
  }
};

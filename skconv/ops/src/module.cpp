// The Python module: which instruction sets there are, and the one in use. The bind_*.cpp files
// add the kernels; what they take from Python is checked with arrays.h.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "arrays.h"
#include "processor.h"

namespace skconv {
namespace {

// Instruction sets that were built and that this machine has, the best first.
std::vector<const Kernels*> find_available() {
  std::vector<const Kernels*> found;
#ifdef SKCONV_AVX512
#ifdef SKCONV_EMULATE_AVX512
  if (has_avx2()) found.push_back(&avx512);
#else
  if (has_avx512()) found.push_back(&avx512);
#endif
#endif
#ifdef SKCONV_AVX2
  if (has_avx2()) found.push_back(&avx2);
#endif
  found.push_back(&generic);
  return found;
}

const std::vector<const Kernels*> available = find_available();

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Kernels* each : available) names.push_back(each->instruction_set);
  return names;
}

void use(const std::string& name) {
  for (const Kernels* each : available)
    if (name == each->instruction_set) {
      kernels = each;
      return;
    }
  throw nb::value_error("no such instruction set on this machine");
}

}  // namespace

const Kernels* kernels = available[0];

}  // namespace skconv

NB_MODULE(_kernels, m) {
  skconv::bind_convolution(m);
  skconv::bind_pooling(m);
  skconv::bind_normalization(m);
  skconv::bind_training(m);
  skconv::bind_upsampling(m);
  m.def("instruction_sets", skconv::instruction_sets);
  m.def("instruction_set", [] { return skconv::kernels->instruction_set; });
  m.def("use", skconv::use);
  m.def("max_threads", skconv::max_threads);
  m.def("control_registers", skconv::control_registers);
}

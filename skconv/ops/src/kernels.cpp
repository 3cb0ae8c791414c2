// All kernels, for one instruction set: compiled once for each, with SKCONV_TABLE (the name
// of the set and of its table), SKCONV_ISA (the name of the namespace) and SKCONV_LANES
// (floats in its vectors) defined.
#include "kernels.h"

#include "activations.h"
#include "affine.h"
#include "convolution.h"
#include "grad_input.h"
#include "grad_kernel.h"
#include "normalization.h"
#include "pooling.h"
#include "training.h"
#include "upsampling.h"

#define SKCONV_TEXT_OF(name) #name
#define SKCONV_TEXT(name) SKCONV_TEXT_OF(name)
#define SKCONV_ENTRY(result, op, arguments) .op = SKCONV_ISA::op,

namespace skconv {

const Kernels SKCONV_TABLE = {.instruction_set = SKCONV_TEXT(SKCONV_TABLE),
                              SKCONV_KERNELS(SKCONV_ENTRY)};

}  // namespace skconv

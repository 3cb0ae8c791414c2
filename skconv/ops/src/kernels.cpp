// All kernels, for one instruction set: compiled once for each, with SKCONV_ISA (the name of
// the namespace and of the table) and SKCONV_LANES (floats in its vectors) defined; SKCONV_TABLE is the table.
#include "kernels.h"

#include "activations.h"
#include "convolution.h"
#include "convolution_grad.h"
#include "normalization.h"
#include "pooling.h"
#include "training.h"

#define SKCONV_TEXT_OF(name) #name
#define SKCONV_TEXT(name) SKCONV_TEXT_OF(name)

namespace skconv {

const Kernels SKCONV_TABLE = {
    SKCONV_TEXT(SKCONV_TABLE),
    SKCONV_ISA::conv2d,
    SKCONV_ISA::conv2d_grad_kernel,
    SKCONV_ISA::conv2d_grad_input,
    SKCONV_ISA::max_pool,
    SKCONV_ISA::max_pool_grad,
    SKCONV_ISA::avg_pool,
    SKCONV_ISA::avg_pool_grad,
    SKCONV_ISA::activate,
    SKCONV_ISA::activate_grad,
    SKCONV_ISA::channel_moments,
    SKCONV_ISA::normalize,
    SKCONV_ISA::channel_products,
    SKCONV_ISA::normalize_grad,
    SKCONV_ISA::column_sums,
    SKCONV_ISA::softmax_cross_entropy,
    SKCONV_ISA::adam_step,
    SKCONV_ISA::gather,
};

}  // namespace skconv

"""Transposed convolution: a convolution's gradient in its input, taken forward.

With the letters of `skconv.ops.reference.convolution`, where q is the output pixel that
tap t of input pixel p adds to::

    z[n, q, f]       = b[f] + sum over c and all p, t with q(p, t) = q
                                            of  x[n, p, c] * kernel[t, f, c]
    dkernel[t, f, c] =        sum over n, p of  dz[n, q(p, t), f] * x[n, p, c]
    dx[n, p, c]      =        sum over t, f of  dz[n, q(p, t), f] * kernel[t, f, c]
    db[f]            =        sum over n, q of  dz[n, q, f]
"""

from .activations import activate, activate_grad
from .convolution import conv2d, conv2d_grad_input, conv2d_grad_kernel
from .dense import grad_bias

__all__ = ["conv2d_transpose", "conv2d_transpose_backward"]


def conv2d_transpose(x, kernel, bias, output_shape, win, activation):
    """Spread each pixel, then add the bias."""
    z = conv2d_grad_input(x, kernel, output_shape, win, 1)
    if bias is not None:
        z += bias
    return activate(z, activation, out=z)


def conv2d_transpose_backward(dy, saved, x, kernel, win, activation, need_dx):
    """Convolve the gradient; x takes the place of the gradient in the kernel's."""
    dz = activate_grad(dy, saved, activation)
    dx = conv2d(dz, kernel, None, None, win, 1, None) if need_dx else None
    return dx, conv2d_grad_kernel(x, dz, kernel.shape, win, 1), grad_bias(dz)

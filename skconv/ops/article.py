"""Convolution under the names and shapes of hand derivations of backpropagation.

``A_prev (m, h_prev, w_prev, c_prev)`` is the input, ``W (kh, kw, c_prev, c_new)`` the
kernel, ``b (1, 1, 1, c_new)`` the bias, ``Z`` the result and ``A = activation(Z)``.
"""

from .. import ops
from .reference.activations import activate

__all__ = ["conv_backward", "conv_forward"]


def conv_forward(A_prev, W, b, activation=None, padding="same", stride=(1, 1)):
    """Forward propagation over a convolutional layer.

    Parameters
    ----------
    A_prev : ndarray of shape (m, h_prev, w_prev, c_prev)
    W : ndarray of shape (kh, kw, c_prev, c_new)
    b : ndarray of shape (1, 1, 1, c_new)
    activation : callable, str or None
        A function of ``Z``, or a name in `skconv.ops.ACTIVATIONS`.
    padding : default="same"
        As in `skconv.ops.window`. Derivations often define "same" so that the output
        is as large as the *input* whatever the stride; here, as in Keras, it is
        ``ceil(input / stride)``. At stride 1 with an odd kernel both agree; for the
        other, give ``padding=(ph, pw)`` with ``ph = ceil(((sh - 1) h - sh + kh) / 2)``
        and ``pw`` alike (one too many for an even kernel at stride 1).
    stride : (sh, sw), default=(1, 1)

    Returns
    -------
    A : ndarray of shape (m, h_new, w_new, c_new)
    """
    Z = ops.conv2d(A_prev, W, b.reshape(-1), padding=padding, stride=stride)
    return activation(Z) if callable(activation) else activate(Z, activation, out=Z)


def conv_backward(dZ, A_prev, W, b, padding="same", stride=(1, 1)):
    """Back propagation over a convolutional layer.

    Parameters
    ----------
    dZ : ndarray of shape (m, h_new, w_new, c_new)
        Gradient of the loss in the convolution's result, before its activation.
    A_prev, W, b, padding, stride
        As they were in `conv_forward`.

    Returns
    -------
    dA_prev : ndarray of shape (m, h_prev, w_prev, c_prev)
    dW : ndarray of shape (kh, kw, c_prev, c_new)
    db : ndarray of shape (1, 1, 1, c_new)
    """
    slide = {"padding": padding, "stride": stride}
    dA_prev = ops.conv2d_grad_input(dZ, W, A_prev.shape, **slide)
    dW = ops.conv2d_grad_kernel(dZ, A_prev, W.shape, **slide)
    return dA_prev, dW, ops.grad_bias(dZ).reshape(b.shape)

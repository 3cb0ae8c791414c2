"""Good arguments of the public ops that slide over images, drawn at random."""

import numpy as np

from skconv import ops

F32 = np.dtype(np.float32)
CHANNELS = 1, 2, 3, 5, 8, 16, 17
ACTIVATIONS = [None, *ops.ACTIVATIONS]


def one_of(rng, *values):
    return values[rng.integers(len(values))]


def normal(rng, *shape):
    return rng.standard_normal(shape, F32)


def images(rng):
    n, c = int(rng.integers(0, 4)), int(one_of(rng, *CHANNELS))
    return n, *map(int, rng.integers(1, 9, 2)), c


def sliding(rng):
    """An image's shape, a kernel's, how it slides, and the shape of the output."""
    while True:
        (n, h, w, c), groups = images(rng), int(one_of(rng, 1, 1, 1, 2, 3))
        kernel_shape = (
            *map(int, rng.integers(1, 4, 2)),
            c,
            groups * one_of(rng, 1, 2, 5),
        )
        slide = {
            "stride": one_of(rng, 1, 2, (1, 3)),
            "padding": one_of(rng, "valid", "same", 1, (0, 2), ((0, 1), (2, 0))),
            "dilation": one_of(rng, 1, 1, 2, (2, 1)),
        }
        try:
            win = ops.window((h, w), kernel_shape[:2], **slide)
        except ValueError:
            continue
        shape, output = (n, h, w, c * groups), (n, *win.output, kernel_shape[3])
        return shape, kernel_shape, {**slide, "groups": groups}, output


def pooling(rng):
    """An image's shape, how a pool slides, and the shape of the output."""
    while True:
        shape = images(rng)
        slide = {
            "pool_size": one_of(rng, 1, 2, 3, (3, 2)),
            "stride": one_of(rng, None, 1, 2, (1, 3)),
            "padding": one_of(rng, "valid", "same", 1, ((0, 1), (1, 0))),
        }
        try:
            win = ops.pool_window(shape[1:3], **slide)
        except ValueError:
            continue
        return shape, slide, (shape[0], *win.output, shape[3]), win


def conv2d(rng):
    shape, kernel_shape, slide, _ = sliding(rng)
    vector = lambda: one_of(rng, None, normal(rng, kernel_shape[3]))  # noqa: E731
    arrays = {"x": normal(rng, *shape), "kernel": normal(rng, *kernel_shape)}
    return {
        **arrays,
        "bias": vector(),
        "scale": vector(),
        **slide,
        "activation": one_of(rng, *ACTIVATIONS),
    }


def conv2d_max_pool2d(rng):
    while True:
        arguments = conv2d(rng)
        pool = {
            "pool_size": one_of(rng, 1, 2, (2, 3)),
            "pool_stride": one_of(rng, None, 1),
        }
        shape = arguments["x"].shape[1:3], arguments["kernel"].shape[:2]
        slide = {key: arguments[key] for key in ("stride", "padding", "dilation")}
        if max(ops.pair(pool["pool_size"], "")) <= min(
            ops.window(*shape, **slide).output
        ):
            return {**arguments, **pool, "pool_padding": one_of(rng, "valid", "same")}


def conv2d_max_pool2d_with_argmax(rng):
    arguments = conv2d_max_pool2d(rng)
    del arguments["scale"]
    return arguments


def conv2d_max_pool2d_backward(rng):
    arguments = conv2d_max_pool2d_with_argmax(rng)
    del arguments["bias"]
    x, kernel = arguments.pop("x"), arguments.pop("kernel")
    pool = {key: arguments[f"pool_{key}"] for key in ("stride", "padding")}
    slide = {key: arguments[key] for key in ("stride", "padding", "dilation")}
    win = ops.window(x.shape[1:3], kernel.shape[:2], **slide)
    win = ops.pool_window(win.output, arguments["pool_size"], **pool)
    dy, saved = normal(rng, 2, len(x), *win.output, kernel.shape[3])
    argmax = rng.integers(0, np.prod(win.size), dy.shape).astype(np.uint8)
    arrays = {"dy": dy, "saved": saved, "argmax": argmax, "x": x, "kernel": kernel}
    return {**arrays, **arguments, "need_dx": one_of(rng, 1, 0)}


def conv2d_grad_kernel(rng):
    shape, kernel_shape, slide, output = sliding(rng)
    arrays = {"dz": normal(rng, *output), "x": normal(rng, *shape)}
    return {**arrays, "kernel_shape": kernel_shape, **slide}


def conv2d_grad_input(rng):
    shape, kernel_shape, slide, output = sliding(rng)
    arrays = {"dz": normal(rng, *output), "kernel": normal(rng, *kernel_shape)}
    return {**arrays, "input_shape": shape, **slide}


def backward(rng, **arrays):
    """What an activation and need_dx add; None for `saved` where it is not read."""
    activation = one_of(rng, *ACTIVATIONS)
    saved = {} if activation else {"saved": one_of(rng, None, arrays["saved"])}
    return {**arrays, **saved, "activation": activation, "need_dx": one_of(rng, 1, 0)}


def conv2d_backward(rng):
    shape, kernel_shape, slide, output = sliding(rng)
    kernel = normal(rng, *kernel_shape)
    arrays = {"dy": normal(rng, *output), "saved": normal(rng, *output)}
    return {**backward(rng, **arrays, x=normal(rng, *shape), kernel=kernel), **slide}


def transposed(rng):
    """An image's shape, a kernel's, how it slides, and the size of the output."""
    while True:
        (n, h, w, c), filters = images(rng), one_of(rng, 1, 2, 5, 17)
        size = tuple(map(int, rng.integers(1, 4, 2)))
        slide = {
            "stride": one_of(rng, 1, 2, (1, 3)),
            "padding": one_of(rng, "valid", "same", 1, ((0, 1), (2, 0))),
            "dilation": one_of(rng, 1, 1, 2, (2, 1)),
        }
        try:
            made = ops.transposed_size((h, w), size, **slide)
        except ValueError:
            continue
        return (n, h, w, c), (*size, filters, c), slide, made


def conv2d_transpose(rng):
    shape, kernel_shape, slide, made = transposed(rng)
    bias = one_of(rng, None, normal(rng, kernel_shape[2]))
    arrays = {"x": normal(rng, *shape), "kernel": normal(rng, *kernel_shape)}
    activation = one_of(rng, *ACTIVATIONS)
    return {
        **arrays,
        "bias": bias,
        "output_size": made,
        **slide,
        "activation": activation,
    }


def conv2d_transpose_backward(rng):
    shape, kernel_shape, slide, made = transposed(rng)
    dy, saved = normal(rng, 2, shape[0], *made, kernel_shape[2])
    arrays = {"x": normal(rng, *shape), "kernel": normal(rng, *kernel_shape)}
    return {**backward(rng, dy=dy, saved=saved, **arrays), **slide}


def upsampling(rng):
    return {
        "size": one_of(rng, 1, 2, (3, 1), (2, 4)),
        "interpolation": one_of(rng, *ops.INTERPOLATIONS),
    }


def upsample2d(rng):
    return {"x": normal(rng, *images(rng)), **upsampling(rng)}


def upsample2d_grad(rng):
    (n, h, w, c), arguments = images(rng), upsampling(rng)
    by = ops.pair(arguments["size"], "size")
    return {"dy": normal(rng, n, h * by[0], w * by[1], c), **arguments}

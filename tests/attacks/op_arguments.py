"""Good arguments of every public op, drawn at random."""

import numpy as np

from skconv import ops

F32 = np.dtype(np.float32)
CHANNELS = 1, 2, 3, 5, 8, 16, 17
ACTIVATIONS = [None, *ops.ACTIVATIONS]


# Good arguments: op -> function (rng) -> dict ------------------------------------------


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


def dense(rng):
    n, features, units = map(int, rng.integers([0, 1, 1], [5, 20, 20]))
    arrays = {"x": normal(rng, n, features), "kernel": normal(rng, features, units)}
    bias = one_of(rng, None, normal(rng, units))
    return {**arrays, "bias": bias, "activation": one_of(rng, *ACTIVATIONS)}


def dense_backward(rng):
    x, kernel, *_ = dense(rng).values()
    dy, saved = normal(rng, 2, len(x), kernel.shape[1])
    return backward(rng, dy=dy, saved=saved, x=x, kernel=kernel)


def dense_grad_kernel(rng):
    x, kernel, *_ = dense(rng).values()
    return {"dz": normal(rng, len(x), kernel.shape[1]), "x": x}


def dense_grad_input(rng):
    x, kernel, *_ = dense(rng).values()
    return {"dz": normal(rng, len(x), kernel.shape[1]), "kernel": kernel}


def any_shape(rng):
    return tuple(map(int, rng.integers(1, 7, rng.integers(1, 5))))


def activate(rng):
    z = normal(rng, *any_shape(rng)) * 3
    out = one_of(rng, None, None, z, np.empty_like(z), z[::-1], np.empty(z.shape))
    return {"z": z, "activation": one_of(rng, *ACTIVATIONS), "out": out}


def activate_grad(rng):
    dy, saved = normal(rng, 2, *any_shape(rng))
    return {"dy": dy, "saved": saved, "activation": one_of(rng, *ACTIVATIONS)}


def normalize(rng):
    x = normal(rng, *any_shape(rng))
    mean, scale, shift = normal(rng, 3, x.shape[-1])
    vectors = {"mean": mean, "scale": scale, "shift": shift}
    return {"x": x, **vectors, "activation": one_of(rng, *ACTIVATIONS)}


def batch_norm_backward(rng):
    dy, saved, x = normal(rng, 3, *any_shape(rng))
    mean, inverse, scale, shift = normal(rng, 4, x.shape[-1])
    arrays = {"x": x, "mean": mean, "inverse": abs(inverse), "scale": scale}
    arguments = backward(rng, dy=dy, saved=saved, **arrays)
    if one_of(rng, 0, 1):
        arguments |= {"shift": shift, "saved": one_of(rng, None, saved)}
    return arguments


def add(rng):
    x, y = normal(rng, 2, *any_shape(rng))
    return {"x": x, "y": y, "activation": one_of(rng, *ACTIVATIONS)}


def only(name, shape):
    return lambda rng: {name: normal(rng, *shape(rng))}


def pool(rng):
    shape, slide, *_ = pooling(rng)
    x = normal(rng, *shape)
    return {"x": one_of(rng, x, np.round(x)), **slide}


def avg_pool2d_grad(rng):
    shape, slide, output, _ = pooling(rng)
    return {"dy": normal(rng, *output), "input_shape": shape, **slide}


def max_pool2d_grad(rng):
    shape, slide, output, win = pooling(rng)
    argmax = rng.integers(0, np.prod(win.size), output).astype(np.uint8)
    return {
        "dy": normal(rng, *output),
        "argmax": argmax,
        "input_shape": shape,
        **slide,
    }


def global_pool_grad(rng):
    n, h, w, c = images(rng)
    return {"dy": normal(rng, n, c), "input_shape": (n, h, w, c)}


def global_max_pool2d_grad(rng):
    dy, (n, h, w, c) = global_pool_grad(rng).values()
    return {
        "dy": dy,
        "argmax": rng.integers(0, h * w, (n, c)),
        "input_shape": (n, h, w, c),
    }


def weights(rng, n):
    return one_of(rng, None, rng.random(n), rng.random(n, F32))


def softmax_cross_entropy(rng):
    n, k = map(int, rng.integers(1, 20, 2))
    codes = rng.integers(0, k, n).astype(one_of(rng, "i8", "i8", "i4", "u1"))
    soft = rng.random((n, k)).astype(one_of(rng, "f4", "f8"))
    return {
        "logits": normal(rng, n, k) * 5,
        "targets": one_of(rng, codes, soft / soft.sum(axis=1, keepdims=True)),
        "sample_weight": weights(rng, n),
        "smoothing": one_of(rng, 0.0, 0.1),
        "gamma": one_of(rng, 0.0, 0.0, 2.0),
    }


def loss(first, **others):
    def draw(rng):
        n, k = map(int, rng.integers(1, 9, 2))
        targets = rng.integers(0, 2, (n, k))
        arguments = {first: normal(rng, n, k), "targets": targets}
        return {**arguments, "sample_weight": weights(rng, n), **others}

    return draw


def gather(rng):
    x = normal(rng, *any_shape(rng)).astype(one_of(rng, "f4", "f8", "i8", "u1", "f2"))
    n = int(rng.integers(0, 9))
    rows = one_of(rng, rng.integers(0, len(x), n), slice(1, n), slice(None, None, 2))
    return {"x": x, "rows": rows, "dtype": one_of(rng, F32, F32, np.dtype("f8"), "f4")}


def affine_transform(rng):
    x = normal(rng, *images(rng))
    matrix = np.eye(2, dtype=F32) + normal(rng, len(x), 2, 2) * one_of(rng, 0, 1)
    shift = normal(rng, len(x), 2) * one_of(rng, 0, 2)
    fill = one_of(rng, 0.0, -1, 0.5)
    return {"x": x, "matrix": matrix, "shift": shift, "fill": fill}


def adam_step(rng):
    p = int(one_of(rng, 0, 1, 7, 100))
    parameters, gradient, moment_1, moment_2, decay = normal(rng, 5, p)
    return {
        "parameters": parameters,
        "gradient": gradient,
        "moment_1": moment_1,
        "moment_2": moment_2**2,
        "step": int(one_of(rng, 1, 7, 32)),
        "learning_rate": 0.01,
        "decay": one_of(rng, None, abs(decay)),
    }


def sgd_step(rng):
    parameters, gradient, velocity, *_, decay = adam_step(rng).values()
    arrays = {"parameters": parameters, "gradient": gradient, "velocity": velocity}
    return {**arrays, "learning_rate": 0.01, "decay": decay}


def layer_norm(rng):
    x = normal(rng, 3, *any_shape(rng))
    gamma, beta = normal(rng, 2, x.shape[-1])
    return {"x": x, "gamma": gamma, "beta": one_of(rng, None, beta), "axis": (-1,)}


def layer_norm_backward(rng):
    dy, normalized = normal(rng, 2, 3, *any_shape(rng))
    inverse, gamma = abs(dy[..., :1]), normal(rng, dy.shape[-1])
    arrays = {"dy": dy, "normalized": normalized, "inverse": inverse, "gamma": gamma}
    return {**arrays, "axis": (-1,), "need_dx": one_of(rng, True, False)}


def prelu_backward(rng):
    dy, z = normal(rng, 2, 3, *any_shape(rng))
    return {"dy": dy, "z": z, "alpha": normal(rng, *z.shape[1:])}


def prelu(rng):
    return {name: prelu_backward(rng)[name] for name in ("z", "alpha")} | {
        "alpha": normal(rng, 1)
    }


def per_target(each, **others):
    def draw(rng):
        arguments = loss("outputs", **others)(rng)
        return {**arguments, "outputs": np.repeat(arguments["outputs"], each, axis=1)}

    return draw


GOOD = {
    "absolute_error": loss("outputs"),
    "activate": activate,
    "activate_grad": activate_grad,
    "adam_step": adam_step,
    "add": add,
    "affine_transform": affine_transform,
    "avg_pool2d": pool,
    "avg_pool2d_grad": avg_pool2d_grad,
    "batch_norm_backward": batch_norm_backward,
    "channel_moments": only("x", any_shape),
    "conv2d": conv2d,
    "conv2d_backward": conv2d_backward,
    "conv2d_grad_input": conv2d_grad_input,
    "conv2d_grad_kernel": conv2d_grad_kernel,
    "conv2d_max_pool2d": conv2d_max_pool2d,
    "conv2d_max_pool2d_backward": conv2d_max_pool2d_backward,
    "conv2d_max_pool2d_with_argmax": conv2d_max_pool2d_with_argmax,
    "conv2d_transpose": conv2d_transpose,
    "conv2d_transpose_backward": conv2d_transpose_backward,
    "dense": dense,
    "dense_backward": dense_backward,
    "dense_grad_input": dense_grad_input,
    "dense_grad_kernel": dense_grad_kernel,
    "flush_denormals": only("x", any_shape),
    "gather": gather,
    "gaussian": per_target(2),
    "gaussian_std": only("z", any_shape),
    "global_avg_pool2d": only("x", images),
    "global_avg_pool2d_grad": global_pool_grad,
    "global_max_pool2d": only("x", images),
    "global_max_pool2d_grad": global_max_pool2d_grad,
    "global_max_pool2d_with_argmax": only("x", images),
    "grad_bias": only("dz", any_shape),
    "huber": loss("outputs", delta=1.0),
    "layer_norm": layer_norm,
    "layer_norm_backward": layer_norm_backward,
    "layer_norm_with_statistics": layer_norm,
    "max_pool2d": pool,
    "max_pool2d_grad": max_pool2d_grad,
    "max_pool2d_with_argmax": pool,
    "normalize": normalize,
    "poisson": loss("outputs"),
    "prelu": prelu,
    "prelu_backward": prelu_backward,
    "quantile": per_target(2, quantile=(0.1, 0.9)),
    "sgd_step": sgd_step,
    "sigmoid_cross_entropy": loss("logits", smoothing=0.0, gamma=0.0),
    "softmax_cross_entropy": softmax_cross_entropy,
    "squared_error": loss("outputs"),
    "upsample2d": upsample2d,
    "upsample2d_grad": upsample2d_grad,
}

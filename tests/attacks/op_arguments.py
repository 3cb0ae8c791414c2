"""Good arguments of every public op, drawn at random."""

import numpy as np

from .sliding_arguments import (
    ACTIVATIONS,
    F32,
    backward,
    conv2d,
    conv2d_backward,
    conv2d_grad_input,
    conv2d_grad_kernel,
    conv2d_max_pool2d,
    conv2d_max_pool2d_backward,
    conv2d_max_pool2d_with_argmax,
    conv2d_transpose,
    conv2d_transpose_backward,
    images,
    normal,
    one_of,
    pooling,
    upsample2d,
    upsample2d_grad,
)

# Good arguments: op -> function (rng) -> dict ------------------------------------------


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

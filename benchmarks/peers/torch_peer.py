"""PyTorch, bare: the loops of its tutorials, and no slower.

Variants: ``eager`` (NCHW in memory), ``channels_last``, ``compiled`` (torch.compile).
"""

import itertools
import math
from functools import partial

import nets
import numpy as np
import torch
from protocol import (
    DEPTHWISE,
    LEARNING_RATE,
    PREDICT_BATCH,
    RACE,
    accuracy,
    depthwise_arrays,
    one_after_another,
    one_cycle,
    random_batch,
    read_data,
    serve,
    varied_batches,
)
from torch import nn

FORMATS = {"channels_last": torch.channels_last}


def make(task, net):
    torch.set_num_threads(task.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    return build(net.layers, net.shape).to(memory_format=memory_format(task))


def start(task, net):
    model = make(task, net)
    # Its fused kernel is the fastest Adam of torch on a CPU.
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    run = torch.compile(model) if task.variant == "compiled" else model
    loss = nn.CrossEntropyLoss()

    def step(x, codes):
        model.train()
        optimizer.zero_grad()
        loss(run(x), codes).backward()
        optimizer.step()

    @torch.inference_mode()
    def infer(x):
        model.eval()
        return run(x)

    return describe(task, model), step, infer


def describe(task, model):
    return {
        "what": f"torch {torch.__version__}, {task.variant}",
        "parameters": sum(
            each.numel() for each in model.parameters() if each.requires_grad
        ),
    }


def memory_format(task):
    return FORMATS.get(task.variant, torch.contiguous_format)


def to_torch(x, task):
    """Turn (n, ..., c) into torch's (n, c, ...), in the variant's memory format."""
    x = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    return x.contiguous(memory_format=memory_format(task))


def steps(task):
    net = nets.NETS[task.net]
    x, codes = random_batch(net)
    x, codes = to_torch(x, task), torch.from_numpy(codes)
    description, step, infer = start(task, net)
    return description, {"train": lambda: step(x, codes), "predict": lambda: infer(x)}


def depthwise(task):
    torch.set_num_threads(task.threads)
    actions = {}
    for i, shape in enumerate(DEPTHWISE):
        x, kernel, dy = depthwise_arrays(shape)
        x, dy = to_torch(x, task), to_torch(dy, task)
        kernel = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
        kernel = kernel.contiguous(memory_format=memory_format(task))
        padding = [shape[3] // 2] * 2
        slide = [shape[-1]] * 2, padding, [1, 1], False, [0, 0], shape[2]

        @torch.inference_mode()
        def forward(x=x, kernel=kernel, slide=slide):
            torch.ops.aten.convolution(x, kernel, None, *slide)

        @torch.inference_mode()
        def backward(*wanted, dy=dy, x=x, kernel=kernel, slide=slide):
            arrays = dy, x, kernel, None
            torch.ops.aten.convolution_backward(*arrays, *slide, wanted)

        actions[f"{i}:forward"] = forward
        actions[f"{i}:grad_input"] = partial(backward, True, False, False)
        actions[f"{i}:grad_kernel"] = partial(backward, False, True, False)
    return {"what": f"torch {torch.__version__}, {task.variant}"}, actions


def fit(task):
    net = nets.NETS["mnist"]
    X, X_test, y, y_test = read_data(task.data)
    X, X_test = (to_torch(part[..., None], task) for part in (X, X_test))
    y = torch.from_numpy(y)
    description, step, infer = start(task, net)

    def epoch():
        for batch in torch.randperm(len(X)).split(net.batch):
            step(X[batch], y[batch])

    def score():
        outputs = torch.cat([infer(part) for part in X_test.split(PREDICT_BATCH)])
        return accuracy(outputs.argmax(1).numpy(), y_test)

    return description, {"epoch": epoch, "score": score}


def race(task):
    X, X_test, y, y_test = read_data(task.data)
    X, X_test = X[..., None], to_torch(X_test[..., None], task)
    model = make(task, nets.NETS["resnet9"])
    parameters = list(model.parameters())
    groups = [
        {
            "params": [each for each in parameters if kernels == (each.ndim > 1)],
            "weight_decay": kernels * RACE["decay"],
        }
        for kernels in (True, False)
    ]
    optimizer = torch.optim.AdamW(groups, lr=RACE["rate"], fused=True)
    loss = nn.CrossEntropyLoss(label_smoothing=RACE["smoothing"])

    def fit():
        rng, steps = np.random.default_rng(0), itertools.count()
        total = task.epochs * math.ceil(len(X) / RACE["batch"])
        model.train()
        for _ in range(task.epochs):
            for x, codes in varied_batches(X, y, rng):
                rate = one_cycle(next(steps), total)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.zero_grad()
                loss(model(to_torch(x, task)), torch.from_numpy(codes)).backward()
                optimizer.step()

    @torch.inference_mode()
    def score():
        model.eval()
        outputs = torch.cat([model(part) for part in X_test.split(PREDICT_BATCH)])
        return accuracy(outputs.argmax(1).numpy(), y_test)

    return describe(task, model), {"fit": fit, "score": score}


def predict(task):
    _, X, _, y = read_data(task.data)
    X = to_torch(X[..., None], task)
    description, _, infer = start(task, nets.NETS["mnist"])
    images = one_after_another(X)

    def many():
        outputs = torch.cat([infer(part) for part in X.split(PREDICT_BATCH)])
        return accuracy(outputs.argmax(1).numpy(), y)

    return description, {"network": lambda: infer(next(images)), "many": many}


def build(layers, shape):
    """Return layers, one after the other, as a module."""
    modules = []
    for layer, (given, _) in zip(layers, nets.walk(layers, shape), strict=True):
        modules += MAKERS[type(layer)](layer, given)
    return nn.Sequential(*modules)


class Residual(nn.Module):
    def __init__(self, layer, shape):
        super().__init__()
        self.layers = build(layer.layers, shape)
        self.shortcut = build(layer.shortcut, shape)
        self.activation = nn.Sequential(*activation(layer))

    def forward(self, x):
        return self.activation(self.layers(x) + self.shortcut(x))


class Branches(nn.Module):
    def __init__(self, layer, shape):
        super().__init__()
        self.layers = nn.ModuleList([build(side, shape) for side in layer.layers])

    def forward(self, x):
        return torch.cat([side(x) for side in self.layers], dim=1)


def conv(layer, shape):
    kind = (nn.Conv1d, nn.Conv2d)[len(shape) - 2]
    yield kind(
        shape[-1],
        layer.filters,
        layer.kernel,
        layer.stride,
        padding(layer),
        layer.dilation,
        layer.groups,
        bias=layer.bias,
    )
    yield from activation(layer)


def up(layer, shape):
    k, s = layer.kernel, layer.stride
    margin = (k - 1) // 2
    more = s - k + 2 * margin
    yield nn.ConvTranspose2d(shape[-1], layer.filters, k, s, margin, more)
    yield from activation(layer)


class Reshape(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.view(-1, self.shape[-1], *self.shape[:-1])


def fixed(layer, shape):
    conv = nn.Conv1d(shape[-1], layer.filters, layer.kernel, padding="same", bias=False)
    return [conv.requires_grad_(False), nn.ReLU(inplace=True)]


def separable(layer, shape):
    c, options = shape[-1], {"padding": padding(layer), "bias": False}
    yield nn.Conv2d(c, c, layer.kernel, layer.stride, groups=c, **options)
    yield nn.Conv2d(c, layer.filters, 1, bias=False)


def padding(layer):
    # With a stride torch pads both sides alike; shapes and costs are the same.
    return layer.kernel // 2 if layer.stride > 1 else layer.padding


def norm(layer, shape):
    kind = (nn.BatchNorm1d, nn.BatchNorm2d)[len(shape) - 2]
    return [kind(shape[-1]), *activation(layer)]


def mean(layer, shape):
    kind = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)[len(shape) - 2]
    return [kind(1), nn.Flatten()]


def dense(layer, shape):
    linear = nn.Linear(math.prod(shape), layer.units)
    return [nn.Flatten(), linear, *activation(layer)]


def activation(layer):
    kinds = {"relu": lambda: nn.ReLU(inplace=True), "tanh": nn.Tanh}
    return [kinds[layer.activation]()] if layer.activation else []


MAKERS = {
    nets.Conv: conv,
    nets.Separable: separable,
    nets.Up: up,
    nets.Reshape: lambda layer, shape: [Reshape(layer.shape)],
    nets.Branches: lambda layer, shape: [Branches(layer, shape)],
    nets.Fixed: fixed,
    nets.MaxOfThree: lambda layer, shape: [nn.MaxPool1d(3, 1, 1)],
    nets.Norm: norm,
    nets.MaxPool: lambda layer, shape: [
        (nn.MaxPool1d, nn.MaxPool2d)[len(shape) - 2](2)
    ],
    nets.AvgPool: lambda layer, shape: [nn.AvgPool2d(2)],
    nets.Mean: mean,
    nets.Largest: lambda layer, shape: [nn.AdaptiveMaxPool2d(1), nn.Flatten()],
    nets.Dropout: lambda layer, shape: [nn.Dropout(layer.rate)],
    nets.Dense: dense,
    nets.Residual: lambda layer, shape: [Residual(layer, shape)],
}


if __name__ == "__main__":
    kinds = [steps, depthwise, fit, predict, race]
    serve({kind.__name__: kind for kind in kinds})

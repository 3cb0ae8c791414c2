"""PyTorch, bare: the loops that a reader of its tutorials would write, and no slower.

Variants: ``eager`` (NCHW in memory), ``channels_last``, ``compiled`` (torch.compile).
"""

import numpy as np
import torch
from nets import NETS
from protocol import (
    LEARNING_RATE,
    PREDICT_BATCH,
    accuracy,
    one_after_another,
    random_batch,
    read_data,
    serve,
)
from torch import nn

FORMATS = {"channels_last": torch.channels_last}


def start(task, net):
    torch.set_num_threads(task.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(*layers(net))
    model(torch.zeros(1, *net.image).permute(0, 3, 1, 2))  # lazy layers get weights
    model = model.to(memory_format=memory_format(task))
    # Its fused kernel is the fastest Adam of torch on a CPU.
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    run = torch.compile(model) if task.variant == "compiled" else model
    loss = nn.CrossEntropyLoss()

    def step(x, codes):
        optimizer.zero_grad()
        loss(run(x), codes).backward()
        optimizer.step()

    @torch.inference_mode()
    def infer(x):
        return run(x)

    return {"what": f"torch {torch.__version__}, {task.variant}"}, step, infer


def memory_format(task):
    return FORMATS.get(task.variant, torch.contiguous_format)


def to_torch(x, task):
    """Turn (n, h, w, c) into torch's (n, c, h, w), in the variant's memory format."""
    x = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    return x.contiguous(memory_format=memory_format(task))


def steps(task):
    net = NETS[task.net]
    x, codes = random_batch(net)
    x, codes = to_torch(x, task), torch.from_numpy(codes)
    description, step, infer = start(task, net)
    return description, {"train": lambda: step(x, codes), "predict": lambda: infer(x)}


def fit(task):
    net = NETS["mnist"]
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


def predict(task):
    _, X, _, y = read_data(task.data)
    X = to_torch(X[..., None], task)
    description, _, infer = start(task, NETS["mnist"])
    images = one_after_another(X)

    def many():
        outputs = torch.cat([infer(part) for part in X.split(PREDICT_BATCH)])
        return accuracy(outputs.argmax(1).numpy(), y)

    return description, {"network": lambda: infer(next(images)), "many": many}


def layers(net):
    channels = net.image[2]
    for kind, *arguments in net.layers[:-1]:
        if kind == "conv":
            filters, size, padding = arguments
            yield nn.Conv2d(channels, filters, size, padding=padding)
            yield nn.ReLU()
            channels = filters
        elif kind == "pool":
            yield nn.MaxPool2d(2)
        else:
            yield nn.Flatten()
            yield nn.LazyLinear(arguments[0])
            yield nn.ReLU()
    yield nn.Flatten()
    yield nn.LazyLinear(net.layers[-1][1])


if __name__ == "__main__":
    serve({"steps": steps, "fit": fit, "predict": predict})

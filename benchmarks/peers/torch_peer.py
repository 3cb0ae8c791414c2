"""One training step of PyTorch, eager."""

import torch
from protocol import serve
from torch import nn


def build(net, threads, x, codes):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    codes = torch.from_numpy(codes)
    model, loss = nn.Sequential(*layers(net, x)), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())

    def step():
        optimizer.zero_grad()
        loss(model(x), codes).backward()
        optimizer.step()

    return {"what": f"torch {torch.__version__}, eager"}, step


def layers(net, x):
    channels = x.shape[1]
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
    serve(build)

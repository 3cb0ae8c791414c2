"""The exercises on convolution, with mistakes that are often made."""

from typing import Any

import numpy as np

from . import loops
from .exercise import Case, Exercise, Fault, tenths

__all__ = ["EXERCISES", "WINDOW", "cases_of", "first_channel", "turned"]

_TURNED = (
    "that is the result of a kernel turned around: the formula takes kernel[i, j] for "
    "the pixel at {place}, without [::-1]"
)
WINDOW = (
    "the stride is missing in the place of the window: it begins at p * stride, "
    "q * stride"
)


def _slide_cases() -> list[Case]:
    rng = np.random.default_rng(0)
    shapes = [((3, 3), (2, 2)), ((5, 5), (3, 3)), ((4, 6), (2, 3)), ((5, 3), (1, 3))]
    return [
        Case(
            f"an image {h} x {w}, a kernel {kh} x {kw}",
            {"image": tenths(rng, h, w), "kernel": tenths(rng, kh, kw)},
            {"the number of taps": kh * kw},
        )
        for (h, w), (kh, kw) in shapes
    ]


# samples, size, channels, kernel size, filters, stride
_SHAPES = [
    (1, (3, 3), 1, (2, 2), 1, 1),
    (2, (5, 5), 1, (3, 3), 3, 1),
    (2, (5, 6), 2, (3, 2), 3, 1),
    (3, (7, 6), 2, (3, 3), 2, 2),
    (2, (8, 7), 3, (2, 3), 4, 3),
]


def _draw(shape: Any) -> tuple[str, dict[str, int], dict[str, Any]]:
    """Return words, sizes and arrays of a convolution."""
    n, (h, w), c, (kh, kw), filters, stride = shape
    rng = np.random.default_rng(n * h * w * c)
    images = "1 image" if n == 1 else f"{n} images"
    words = (
        f"{images} {h} x {w} with {c} channel{'s' * (c > 1)}, a kernel {kh} x {kw}, "
        f"{filters} filter{'s' * (filters > 1)}, stride {stride}"
    )
    oh, ow = (h - kh) // stride + 1, (w - kw) // stride + 1
    sizes = {
        "the number of samples": n,
        "the number of windows": oh * ow,
        "the number of samples and windows": n * oh * ow,
        "the number of taps": kh * kw,
        "the number of taps and channels": kh * kw * c,
        "the number of filters": filters,
        "the stride": stride,
    }
    arrays = {
        "x": tenths(rng, n, h, w, c),
        "kernel": tenths(rng, kh, kw, c, filters),
        "bias": np.arange(1.0, filters + 1),
        "dz": tenths(rng, n, oh, ow, filters),
        "stride": stride,
        "kernel_shape": (kh, kw, c, filters),
        "input_shape": (n, h, w, c),
    }
    return words, sizes, arrays


def cases_of(*names: str) -> list[Case]:
    """Return cases with the arrays of these names."""
    drawn = map(_draw, _SHAPES)
    return [Case(words, {n: a[n] for n in names}, sizes) for words, sizes, a in drawn]


def _without_stride(x: Any, kernel: Any, bias: Any, stride: int) -> Any:
    z = loops.conv2d(x, kernel, bias, 1)
    (kh, kw), (h, w) = kernel.shape[:2], x.shape[1:3]
    return z[:, : (h - kh) // stride + 1, : (w - kw) // stride + 1]


def _padded(x: Any, kernel: Any, bias: Any, stride: int) -> Any:
    top, left = (kernel.shape[0] - 1) // 2, (kernel.shape[1] - 1) // 2
    rows, columns = (
        (top, kernel.shape[0] - 1 - top),
        (left, kernel.shape[1] - 1 - left),
    )
    return loops.conv2d(
        np.pad(x, ((0, 0), rows, columns, (0, 0))), kernel, bias, stride
    )


def first_channel(array: Any) -> Any:
    """Return an array with 0 in all channels but the first."""
    return np.where(np.arange(array.shape[-1]) == 0, array, 0)


def turned(kernel: Any) -> Any:
    """Return a kernel turned around."""
    return kernel[::-1, ::-1]


SLIDE = Exercise(
    "slide",
    "a kernel slides over an image",
    loops.slide,
    ("z",),
    _slide_cases,
    (
        Fault(
            _TURNED.format(place="[p + i, q + j]"),
            lambda image, kernel: loops.slide(image, turned(kernel)),
        ),
        Fault(
            "that is the mean of the products; the formula has their sum",
            lambda image, kernel: loops.slide(image, kernel / kernel.size),
        ),
        Fault(
            "that is the result with zeros around the image; there is no padding: z is "
            "(h - kh + 1, w - kw + 1)",
            lambda image, kernel: _padded(
                image[None, ..., None], kernel[..., None, None], np.zeros(1), 1
            )[0, ..., 0],
        ),
        Fault(
            "rows and columns of the image are exchanged: image[p + i, q + j], the row "
            "first",
            lambda image, kernel: loops.slide(image.T, kernel),
        ),
        Fault(
            "the last window is missing in each direction: the number of windows is "
            "h - kh + 1",
            lambda image, kernel: loops.slide(image, kernel)[:-1, :-1],
        ),
        Fault(
            "that is the largest product of each window; the formula has their sum",
            lambda image, kernel: np.array(
                [
                    [
                        (
                            image[p : p + len(kernel), q : q + kernel.shape[1]] * kernel
                        ).max()
                        for q in range(image.shape[1] - kernel.shape[1] + 1)
                    ]
                    for p in range(len(image) - len(kernel) + 1)
                ]
            ),
        ),
        Fault(
            "each window is summed without the kernel: multiply the two first",
            lambda image, kernel: loops.slide(image, np.ones(kernel.shape)),
        ),
    ),
)

CONV2D = Exercise(
    "conv2d",
    "convolution: batches, channels, filters, stride",
    loops.conv2d,
    ("z",),
    lambda: cases_of("x", "kernel", "bias", "stride"),
    (
        Fault(
            _TURNED.format(place="[p * stride + i, q * stride + j]"),
            lambda x, kernel, bias, stride: loops.conv2d(
                x, turned(kernel), bias, stride
            ),
        ),
        Fault(
            "the bias is missing",
            lambda x, kernel, bias, stride: loops.conv2d(x, kernel, 0 * bias, stride),
        ),
        Fault(
            "the bias is added twice",
            lambda x, kernel, bias, stride: loops.conv2d(x, kernel, 2 * bias, stride),
        ),
        Fault(
            "the bias is subtracted; it is added",
            lambda x, kernel, bias, stride: loops.conv2d(x, kernel, -bias, stride),
        ),
        Fault(
            "the bias is added once for each product; it belongs outside of the sum",
            lambda x, kernel, bias, stride: loops.conv2d(
                x, kernel, bias * kernel[..., 0].size, stride
            ),
        ),
        Fault(
            "the bias is added once for each tap or channel; it belongs outside of the "
            "sum",
            lambda x, kernel, bias, stride: loops.conv2d(
                x, kernel, bias * kernel.shape[2], stride
            ),
        ),
        Fault(
            "the stride is forgotten: the window at [p, q] begins at p * stride, "
            "q * stride, and there are (h - kh) // stride + 1 rows of them",
            lambda x, kernel, bias, stride: loops.conv2d(x, kernel, bias, 1),
        ),
        Fault(WINDOW, _without_stride),
        Fault(
            "that is the mean over the taps and channels; the formula has the sum",
            lambda x, kernel, bias, stride: loops.conv2d(
                x, kernel / kernel[..., 0].size, bias, stride
            ),
        ),
        Fault(
            "only the first channel is counted: the sum is over c, too",
            lambda x, kernel, bias, stride: loops.conv2d(
                first_channel(x), kernel, bias, stride
            ),
        ),
        Fault(
            "that is the result with zeros around the image; there is no padding",
            _padded,
        ),
        Fault(
            "negative numbers are 0, as after ReLU; the convolution ends before it",
            lambda x, kernel, bias, stride: np.maximum(
                loops.conv2d(x, kernel, bias, stride), 0
            ),
        ),
        Fault(
            "the last window is missing in each direction: there are (h - kh) // "
            "stride + 1 rows of windows",
            lambda x, kernel, bias, stride: loops.conv2d(x, kernel, bias, stride)[
                :, :-1, :-1
            ],
        ),
        Fault(
            "all images have the numbers of the first: take x[n], not x[0]",
            lambda x, kernel, bias, stride: loops.conv2d(
                np.broadcast_to(x[:1], x.shape), kernel, bias, stride
            ),
        ),
        Fault(
            "all filters have the numbers of the first: take kernel[..., f]",
            lambda x, kernel, bias, stride: loops.conv2d(
                x, np.broadcast_to(kernel[..., :1], kernel.shape), bias, stride
            ),
        ),
    ),
)

EXERCISES = (SLIDE, CONV2D)

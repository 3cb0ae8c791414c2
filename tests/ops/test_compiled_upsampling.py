"""The compiled ops of larger images write within their arrays, on every set."""

import numpy as np
import pytest

from skconv import ops


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("how", ops.INTERPOLATIONS)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1), (1, 5)])
def test_upsampling_writes_within_its_arrays(size, how, rng):
    for channels in (1, 2, 3, 7, 8, 15, 16, 17, 33):
        for shape in [(1, 1, 1), (3, 2, 5), (2, 7, 1)]:
            x = rng.standard_normal((*shape, channels), np.float32)
            y = ops.upsample2d(x, size, how)
            dx = ops.upsample2d_grad(np.ones_like(y), size, how)
            np.testing.assert_allclose(dx.sum(), y.size, rtol=1e-5)


@pytest.mark.usefixtures("each_set", "guarded")
def test_transposed_convolution_writes_within_its_arrays(rng):
    for filters in (1, 3, 16, 17):
        x = rng.standard_normal((2, 3, 4, 5), np.float32)
        kernel = rng.standard_normal((3, 2, filters, 5), np.float32)
        slide = {"stride": 2, "padding": "same"}
        bias, to = np.ones(filters, np.float32), {"output_size": (6, 8), **slide}
        y = ops.conv2d_transpose(x, kernel, bias, activation="elu", **to)
        ops.conv2d_transpose_backward(y, y, x, kernel, activation="elu", **slide)

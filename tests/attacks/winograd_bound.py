"""What Winograd's algorithm may err by: a bound of its own, from its matrices.

A tile of outputs is ``y = A [sum over c of (G g) * (B d)]`` along each axis, of a window
d and a kernel g (skconv/ops/src/winograd.h, which has the transposes of B and A). Each
of the three transforms is a few sums of products with constants, so that what passes
through it is rounded as `rounding` has it, in units of the matrices' magnitudes:

    |error| <= gamma_K |A| [sum over c of (|G| |g|) * (|B| |d|)]
    K = k_A + k_B + k_G + n, with both axes 2 (k_A + k_B + k_G) + n

n is the number of channels, of all pieces of the kernel. The k are the most operations
that a number passes through in a transform, counted in winograd_axes.h, where a constant
that is no binary number counts as one: k_B = 4, k_A = 4, k_G = 5. In the gradient in
the kernel, ``dg = G' [sum over tiles of (B d) * (A' dz)]`` with the transposes A' and
G', they are 4, 4 and 6, and n is the number of tiles. The factored sums (even and odd
parts) have the magnitudes of the matrices, since no coefficient is a difference of two.

The bound is of the whole window: where coefficients of an output cancel, magnitudes do
not. Barabasz, Anderson, Soodhalter & Gregg, "Error analysis and improving the accuracy of
Winograd convolution for deep neural networks", ACM TOMS 46(4), 2020, have the same form
for one axis and for two, to first order in u.

Numbers that are flushed to 0 err by t = 2^-126 each. What a transform makes of a few of
them is below `FLUSHED` t: no sum of a row of its magnitudes, times the number of its
operations, is larger. These are added to both factors of the products.
"""

from typing import NamedTuple

import numpy as np

from .rounding import TINY, bound

FLUSHED = 1024 * TINY
SIX = (0, 0.625, -0.625, 1.5, -1.5)
EIGHT = (0, 0.5, -0.5, 1, -1, 2, -2)
FORWARD, KERNEL = 4 + 4 + 5, 4 + 4 + 6  # operations in the transforms of an axis


class Axis(NamedTuple):
    """Magnitudes of the matrices of some points and infinity, of a number of taps."""

    A: np.ndarray
    B: np.ndarray
    G: np.ndarray

    @property
    def tile(self):
        return len(self.A)

    @property
    def taps(self):
        return self.G.shape[1]

    @property
    def places(self):
        return len(self.B)


def axis(points, taps):
    points = np.array(points)
    others = [np.delete(points, i) for i in range(len(points))]
    rows = [np.append(np.poly(each)[::-1], 0) for each in others]
    B = np.array([*rows, np.poly(points)[::-1]])
    pairs = zip(points, others, strict=True)
    G = [p ** np.arange(taps) / np.prod(p - q) for p, q in pairs]
    tile = len(points) + 2 - taps
    A = np.column_stack([points ** np.arange(tile)[:, None], np.eye(tile)[-1]])
    return Axis(*map(np.abs, (A, B, np.array([*G, np.eye(taps)[-1]]))))


POINT = Axis(*np.ones((3, 1, 1)))  # an axis that the kernel does not move along
THREE = axis(SIX, 3)
LONGER = {4: axis(EIGHT, 4), 5: axis(EIGHT, 5)}


def axes_of(size):
    """Return the axes of a kernel, 3 x 3 or a row, as winograd_rule.h chooses them."""
    if size[0] > 1:
        return THREE, THREE
    costs = {3: 1.5, 4: 1.6, 5: 2}
    best = min(costs, key=lambda taps: -(-size[1] // taps) * costs[taps])
    return POINT, THREE if best == 3 else LONGER[best]


def pieces_of(kernel, axes):
    """Return the kernel's pieces along its row: (pieces, kh, taps, c, f)."""
    kh, kw, c, f = kernel.shape
    pieces = -(-kw // axes[1].taps)
    filled = np.zeros((kh, pieces * axes[1].taps, c, f))
    filled[:, :kw] = kernel
    return np.moveaxis(filled.reshape(kh, pieces, -1, c, f), 1, 0)


def cut(x, corner, size, step, count):
    """Return windows (n, rows, columns, h, w, c) from a corner on, zeros outside."""
    reach = [(k - 1) * s + z for k, s, z in zip(count, step, size, strict=True)]
    out = np.zeros((len(x), *reach, x.shape[3]))
    to, of = [], []
    for first, room, length in zip(corner, reach, x.shape[1:3], strict=True):
        low, high = max(first, 0), max(min(first + room, length), max(first, 0))
        of.append(slice(low, high))
        to.append(slice(low - first, high - first))
    out[:, *to] = x[:, *of]
    seen = np.lib.stride_tricks.sliding_window_view(out, size, axis=(1, 2))
    return np.moveaxis(seen[:, :: step[0], :: step[1]], 3, -1)


def along(rows, columns, x):
    """Transform the two axes before the last of windows, or the axes of a kernel."""
    return np.einsum("ip,jq,...pqc->...ijc", rows, columns, x, optimize=True)


def windows_of(x, axes, corner, output, pieces):
    """Return the transformed windows of each piece: (pieces, n, rows, columns, ...)."""
    rows, columns = axes
    count = -(-output[0] // rows.tile), -(-output[1] // columns.tile)
    size, step = (rows.places, columns.places), (rows.tile, columns.tile)
    corners = [(corner[0], corner[1] + p * columns.taps) for p in range(pieces)]
    return np.array(
        [along(rows.B, columns.B, cut(x, at, size, step, count)) for at in corners]
    )


def forward(x, kernel, corner, output, more=0):
    """Return the bound of outputs, of |x| and |kernel|; `more` operations follow."""
    rows, columns = axes = axes_of(kernel.shape[:2])
    pieces = pieces_of(kernel, axes)
    V = windows_of(x, axes, corner, output, len(pieces))
    U = np.einsum("ia,jb,pabcf->pijcf", rows.G, columns.G, pieces, optimize=True)
    n = len(pieces) * x.shape[3]
    sums = FLUSHED * (V.sum((0, -1))[..., None] + U.sum((0, 3)) + n * FLUSHED)
    M = np.einsum("pnrsijc,pijcf->nrsijf", V, U, optimize=True)
    both = [along(rows.A, columns.A, each) for each in (M, sums + 2 * n * TINY)]
    K = FORWARD * (1 + (rows is not POINT)) + n + more
    tiles = bound(K, both[0], both[1] + FLUSHED)
    n, down, across, h, w, f = tiles.shape
    image = tiles.transpose(0, 1, 3, 2, 4, 5).reshape(n, down * h, across * w, f)
    return image[:, : output[0], : output[1]]


def grad_input(dz, kernel, corner, shape):
    """Return the bound of dx, a convolution with the kernel turned around."""
    turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    kh, kw = kernel.shape[:2]
    return forward(dz, turned, (1 - kh - corner[0], 1 - kw - corner[1]), shape)


def grad_kernel(dz, x, kernel_shape, corner):
    """Return the bound of dkernel."""
    rows, columns = axes = axes_of(kernel_shape[:2])
    pieces = -(-kernel_shape[1] // columns.taps)
    V = windows_of(x, axes, corner, dz.shape[1:3], pieces)
    tile = rows.tile, columns.tile
    Z = along(rows.A.T, columns.A.T, cut(dz, (0, 0), tile, tile, V.shape[2:4]))
    n = int(np.prod(V.shape[1:4]))
    M = np.einsum("pnrsijc,nrsijf->pcijf", V, Z, optimize=True)
    flushed = V.sum((1, 2, 3)).transpose(0, 3, 1, 2)[..., None] + Z.sum((0, 1, 2))
    flushed = FLUSHED * (flushed + n * FLUSHED) + 2 * n * TINY
    taps = [along(rows.G.T, columns.G.T, each) for each in (M, flushed)]
    K = KERNEL * (1 + (rows is not POINT)) + n
    found = bound(K, taps[0], taps[1] + FLUSHED)  # (pieces, c, kh, taps, f)
    found = found.transpose(2, 0, 3, 1, 4)
    return found.reshape(found.shape[0], -1, *found.shape[3:])[:, : kernel_shape[1]]

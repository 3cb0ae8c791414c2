"""Fixtures for the compiled ops."""

import numpy as np
import pytest

from skconv import ops

# What the modules of compiled ops begin with: there is nothing to test without them.
collect_ignore_glob = [] if ops.compiled else ["test_compiled*.py"]


@pytest.fixture(params=ops.compiled.instruction_sets() if ops.compiled else [])
def each_set(request):
    """Run with every instruction set that the machine has."""
    before = ops.in_use()
    ops.use(request.param)
    yield request.param
    ops.use(before)


@pytest.fixture
def guarded(monkeypatch):
    """Surround every output with guards, and check that nothing was written there."""
    guard, mark = 64, 0x5A
    buffers = []

    def new(shape, dtype=np.float32):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        buffer = np.full(size + 2 * guard, mark, np.uint8)
        buffers.append((buffer, size))
        return buffer[guard : guard + size].view(dtype).reshape(shape)

    monkeypatch.setattr(ops.compiled, "_new", new)
    yield
    assert buffers
    for buffer, size in buffers:
        assert (buffer[:guard] == mark).all()
        assert (buffer[guard + size :] == mark).all()

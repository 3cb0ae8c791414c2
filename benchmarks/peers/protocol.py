"""How a peer is measured: it lives in a process of its own and steps when it is told.

A peer is started as ``python peer.py NET THREADS``. It says in one line of JSON what it
is, then answers each line ``N`` with the seconds that N training steps took.
"""

import json
import sys
import time

import numpy as np
from nets import NETS

WARM_UP = 3


def serve(build):
    """Answer for the step that ``build(net, threads, x, codes)`` returns.

    ``build`` returns (description, step); ``x`` is float32 (n, h, w, c).
    """
    name, threads = sys.argv[1], int(sys.argv[2])
    net = NETS[name]
    rng = np.random.default_rng(0)
    x = rng.random((net.batch, *net.image), dtype=np.float32)
    description, step = build(net, threads, x, rng.integers(0, 10, net.batch))
    for _ in range(WARM_UP):
        step()
    print(json.dumps(description), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - start, flush=True)

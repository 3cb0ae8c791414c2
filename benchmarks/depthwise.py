"""Depthwise convolutions of 3 x 3 and 5 x 5, and their gradients: skconv and torch."""

from statistics import median

from . import processes
from .peers.protocol import DEPTHWISE, PASSES
from .processes import PEERS, figures, print_table

ROUND_SECONDS = 0.2
NAMES = [name for name, spec in PEERS.items() if "depthwise" in spec.kinds.split()]


def run(pythons, *, threads, rounds):
    """Print the milliseconds of each pass, and the ratio to the faster torch's."""
    print(f"\n## Depthwise convolutions: medians of {rounds} interleaved rounds\n")
    peers = processes.start(
        "depthwise", pythons, threads=[threads], names=NAMES, warm_up=3
    )
    processes.describe(peers)
    records, rows = [], []
    for i, shape in enumerate(DEPTHWISE):
        for name in PASSES:
            times = measure(peers, f"{i}:{name}", rounds)
            records.append({"shape": shape, "pass": name, "ms": times})
            theirs = [ms for peer, ms in times.items() if "torch" in peer]
            cells = [figures(times[peer]) if peer in times else "-" for peer in NAMES]
            ratio = f"{min(theirs) / times['skconv']:.2f}" if theirs else "-"
            rows.append([described(shape), name.replace("_", " "), *cells, ratio])
    processes.close(peers)
    columns = [f"{name} (ms)" for name in NAMES]
    print_table(["images", "pass", *columns, "times faster"], rows)
    return records


def measure(peers, action, rounds):
    """Return the median milliseconds of a call, of each peer."""
    times = processes.timed(peers, action, rounds, round_seconds=ROUND_SECONDS)
    return {peer.name: 1e3 * median(each) for peer, each in times.items()}


def described(shape):
    n, size, channels, kernel, stride = shape
    return f"{n}, {size}², {channels} channels, {kernel} by {kernel}, stride {stride}"

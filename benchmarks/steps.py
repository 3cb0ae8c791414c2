"""Training steps and predictions of one batch, skconv's and the peers' in turn."""

import statistics
import sys
from collections import defaultdict

from . import processes
from .peers.nets import BASIC, NETS
from .processes import OURS, PEAK, PEERS, Peer

ROUND_SECONDS = 0.3
PEAK_RUNS = 15
WHAT = {"train": "training step", "predict": "prediction of one batch"}


def run(
    pythons,
    *,
    threads=(1, 2),
    nets=tuple(BASIC),
    peers=tuple(PEERS),
    rounds=15,
    clock="seconds",
):
    """Print a table for each net and kind of step; return records of all figures."""
    found = {count: peak(count, clock) for count in threads}
    peaks = {count: speed for count, (speed, _) in found.items()}
    print(f"\n## Steps: medians of {rounds} interleaved rounds\n")
    print(
        f"Peak is the best of {PEAK_RUNS} runs of {found[threads[0]][1]}: "
        + ", ".join(f"{each:.0f} GFLOP/s with {plural(n)}" for n, each in peaks.items())
    )
    records = []
    for i, name in enumerate(nets):
        started = processes.start(
            "steps",
            pythons,
            threads=threads,
            names=peers,
            net=name,
            warm_up=processes.WARM_UP,
        )
        check(started, NETS[name])
        if i == 0:
            print()
            processes.describe(started)
        for what in WHAT:
            found = measure(started, NETS[name], name, what, rounds, peaks, clock)
            print(f"\n### {name}, {WHAT[what]} (batch of {NETS[name].batch})")
            print_records(found, threads)
            records += found
        processes.close(started)
    return {"peaks": peaks, "records": records}


def check(peers, net):
    """Raise SystemExit unless all peers have as many parameters as the net."""
    for peer in peers:
        if peer.parameters != net.parameters():
            raise SystemExit(
                f"{peer.name} has {peer.parameters} parameters, not {net.parameters()}"
            )


def measure(peers, net, name, what, rounds, peaks, clock):
    times = processes.timed(
        peers, what, rounds, round_seconds=ROUND_SECONDS, clock=clock
    )
    medians = {peer: statistics.median(each) for peer, each in times.items()}
    records = []
    for peer, seconds in medians.items():
        theirs = [
            other_seconds
            for other, other_seconds in medians.items()
            if other.name not in OURS and other.threads == peer.threads
        ]
        speed = net.gigaflops()[what] / seconds
        records.append(
            {
                "net": name,
                "what": what,
                "peer": peer.name,
                "threads": peer.threads,
                "ms": 1e3 * seconds,
                "round_ms": [1e3 * each for each in times[peer]],
                "to_fastest_peer": seconds / min(theirs) if theirs else None,
                "gigaflops": speed,
                "of_peak": speed / peaks[peer.threads],
            }
        )
    return records


def print_records(records, threads):
    columns = ["peer"]
    for count in threads:
        columns += [f"{plural(count)} (ms)", "to the fastest peer", "GFLOP/s", "peak"]
    least, most = min(threads), max(threads)
    if least < most:
        columns.append(f"speed-up {least} → {most}")
    found = defaultdict(dict)
    for record in records:
        found[record["peer"]][record["threads"]] = record
    rows = []
    for peer, by_threads in found.items():
        row = [peer]
        for count in threads:
            row += cells(by_threads.get(count))
        if least < most:
            both = least in by_threads and most in by_threads
            row.append(
                f"{by_threads[least]['ms'] / by_threads[most]['ms']:.2f}"
                if both
                else "-"
            )
        rows.append(row)
    processes.print_table(columns, rows)


def cells(record):
    if record is None:
        return ["-"] * 4
    ratio = record["to_fastest_peer"]
    return [
        processes.figures(record["ms"]),
        "-" if ratio is None else f"{ratio:.2f}",
        processes.figures(record["gigaflops"]),
        f"{record['of_peak']:.0%}",
    ]


def peak(threads, clock):
    """Measure the machine's multiply-adds; return GFLOP/s and what was run."""
    peer = Peer("peak", PEAK, sys.executable, threads=threads, kind="peak", warm_up=2)
    peer.start()
    best = min(peer.run("run")[clock] for _ in range(PEAK_RUNS))
    peer.close()
    return peer.description["gigaflop"] / best, peer.description["what"]


def plural(threads):
    return f"{threads} thread" + "s" * (threads > 1)

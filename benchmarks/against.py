"""This tree's steps against those of another checkout, before a change is made.

    git worktree add ../before main  # and build its ops: pip install -e ../before
    python -m benchmarks against --before ../before

Both run in turn, on one thread, and are compared by processor time: ratios hardly
depend on the machine or on its other users. The medians are printed for each net; one
above `SLOWER` ends the command with exit status 1.
"""

import statistics
from pathlib import Path

from . import processes
from .processes import Peer, Spec
from .steps import WHAT

SLOWER = 1.05
ROUND_SECONDS = 0.2


def run(python, before, nets, rounds):
    """Print a ratio for each net and kind of step; return the records of all."""
    if before is None:
        raise SystemExit(
            "against needs --before FOLDER: another checkout, with ops built"
        )
    print(f"\n## Steps of this tree, in those of {before}: medians of {rounds} pairs\n")
    records = [
        {"net": name, "what": what, "ratio": ratio}
        for name in nets
        for what, ratio in ratios(python, Path(before), name, rounds)
    ]
    rows = [
        [each["net"], WHAT[each["what"]], f"{each['ratio']:.3f}"] for each in records
    ]
    processes.print_table(["net", "of", "this tree / before"], rows)
    slower = [each for each in records if each["ratio"] > SLOWER]
    if slower:
        raise SystemExit(f"slower by more than {SLOWER - 1:.0%}: {slower}")
    return records


def ratios(python, before, name, rounds):
    """Yield each kind of step, and the median ratio of this tree to another."""
    task = {"kind": "steps", "net": name, "warm_up": processes.WARM_UP}
    peers = []
    for tree in Path(__file__).parents[1], before.resolve():
        script = str(tree / "benchmarks" / "peers" / "skconv_peer.py")
        spec = Spec("ours", script, "", variables={"PYTHONPATH": str(tree)})
        peers.append(Peer(str(tree), spec, python, threads=1, **task))
    for peer in peers:
        peer.start()
    described = [peer.description["what"] for peer in peers]
    if described[0] != described[1]:
        raise SystemExit(f"the trees do not run on the same ops: {described}")
    for what in WHAT:
        calls = max(1, int(ROUND_SECONDS / peers[0].run(what, 3)["processor"] * 3))
        pairs = [
            [peer.run(what, calls)["processor"] for peer in peers]
            for _ in range(rounds)
        ]
        yield what, statistics.median(ours / theirs for ours, theirs in pairs)
    for peer in peers:
        peer.close()

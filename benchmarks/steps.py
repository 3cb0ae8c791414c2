"""Training steps, ours and a peer's in turn."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
sys.path.insert(0, str(PEERS))

from nets import NETS  # noqa: E402

ROUND_SECONDS = 0.3


class Peer:
    """A process that steps when it is told (see peers/protocol.py)."""

    def __init__(self, python, script, net, threads):
        self.process = subprocess.Popen(
            [python, str(PEERS / script), net, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{python} could not run {script}: its error stands above")
        self.description = json.loads(line)
        self.steps = max(1, int(ROUND_SECONDS / self.seconds(1)))
        self.times = []

    def seconds(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def run_round(self):
        self.times.append(self.seconds(self.steps) / self.steps)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run(torch_python=None, threads=2, rounds=15, nets=tuple(NETS)):
    """Print the median milliseconds a step, and the ratio of medians."""
    scripts = [(sys.executable, "skconv_peer.py")]
    if torch_python:
        scripts.append((torch_python, "torch_peer.py"))
    print(
        f"\nTraining steps, {threads} threads, medians of {rounds} interleaved rounds"
    )
    for i, net in enumerate(nets):
        peers = [Peer(*script, net, threads) for script in scripts]
        for _ in range(rounds):
            for peer in peers:
                peer.run_round()
        if i == 0:
            for peer in peers:
                print("  " + "; ".join(peer.description.values()))
            print(
                "| net | skconv (ms) |"
                + (" torch (ms) | ours / torch |" if torch_python else "")
            )
            print("|---|---|" + ("---|---|" if torch_python else ""))
        ours, *others = [1e3 * statistics.median(peer.times) for peer in peers]
        row = "".join(f" {theirs:.2f} | {ours / theirs:.2f} |" for theirs in others)
        print(f"| {net} | {ours:.2f} |{row}", flush=True)
        for peer in peers:
            peer.close()
    if not torch_python:
        print("(--torch-python PATH compares with the torch of that interpreter)")

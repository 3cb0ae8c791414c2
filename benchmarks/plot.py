"""Draw the figures of ``steps --save``: ``python -m benchmarks plot FILE OUT``."""

import argparse
import json
from collections import defaultdict
from pathlib import Path

from .processes import OURS
from .steps import plural

KINDS = {"train": ("training step", "#2b5d8a"), "predict": ("prediction", "#e0a030")}


def main(words):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks plot", description=__doc__
    )
    parser.add_argument("file", type=Path, help="the file of --save")
    parser.add_argument("out", type=Path, help="a picture: .svg, .png or .pdf")
    arguments = parser.parse_args(words)
    draw(json.loads(arguments.file.read_text()), arguments.out)


def draw(results, out):
    """Draw each peer's time as a multiple of skconv's, one panel for each net."""
    import matplotlib  # needed here only

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    times, threads = times_of(results["steps"]["records"])
    # Narrow, with large letters: it is read on telephones, too.
    plt.rcParams.update({"font.size": 11, "svg.fonttype": "none"})
    plt.rcParams["font.family"] = ["DejaVu Sans", "sans-serif"]
    ratios = [
        each
        for peers in times.values()
        for peer in peers
        for each in multiples(peers, peer).values()
    ]
    heights = [0.9 + 0.38 * (len(peers) - 1) for peers in times.values()]
    figure, axes = plt.subplots(
        len(times),
        figsize=(6, sum(heights) + 1.2),
        height_ratios=heights,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    least, most = min([0.5, *ratios]), max([2, *ratios])
    for ax, (net, peers) in zip(axes[:, 0], times.items(), strict=True):
        draw_bars(ax, net, peers)
        scale_axis(ax, least / 1.15, most * (most / least) ** 0.18)
    axes[-1, 0].set_xlabel("time over skconv's: right of 1, skconv is faster")
    title = f"Time of one batch over skconv's, {plural(threads)}\n"
    figure.suptitle(title, fontweight="bold", fontsize=14)
    figure.legend(
        [plt.Rectangle((0, 0), 1, 1, color=color) for _, color in KINDS.values()],
        [label for label, _ in KINDS.values()],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    figure.savefig(out, dpi=150)


def times_of(records):
    """Return {net: {peer: {kind: ms}}} of most threads, and how many these are."""
    threads = max(record["threads"] for record in records)
    times = defaultdict(lambda: defaultdict(dict))
    for record in records:
        if record["threads"] == threads:
            times[record["net"]][record["peer"]][record["what"]] = record["ms"]
    return times, threads


def draw_bars(ax, net, peers):
    """Draw a bar for each peer and kind, with skconv's times in the title."""
    others = [peer for peer in peers if peer != OURS[0]]
    for row, peer in enumerate(others):
        for i, (kind, ratio) in enumerate(multiples(peers, peer).items()):
            y = row + 0.4 * i - 0.2
            ax.barh(y, ratio - 1, 0.36, left=1, color=KINDS[kind][1])
            note = f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
            ax.annotate(
                note,
                (max(ratio, 1), y),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
            )
    ours = " · ".join(
        f"{KINDS[kind][0]} {ms:.3g} ms" for kind, ms in peers[OURS[0]].items()
    )
    ax.set_title(net, loc="left", fontweight="bold", fontsize=12)
    ax.set_title(f"1 = {ours}", loc="right", fontsize=9, color="#555555")
    ax.set_ylim(len(others) - 0.5, -0.5)
    ax.set_yticks(range(len(others)), others)


def scale_axis(ax, least, most):
    """Let x be a logarithm, with powers of two as ticks."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ticks = {2.0**i: f"{2**i}" if i >= 0 else f"1/{2**-i}" for i in range(-6, 10)}
    ax.set_xscale("log")
    ax.set_xlim(least, most)
    ax.xaxis.set_major_locator(FixedLocator(list(ticks)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: ticks.get(value, "")))
    ax.axvline(1, color="black", linewidth=1)
    ax.grid(axis="x", color="#dddddd", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(left=False, labelbottom=True)
    ax.spines[["top", "right", "left"]].set_visible(False)


def multiples(peers, peer):
    """Return a peer's times over skconv's, for each kind measured for both."""
    ours = peers[OURS[0]]
    if peer == OURS[0]:
        return {}
    return {kind: ms / ours[kind] for kind, ms in peers[peer].items() if kind in ours}

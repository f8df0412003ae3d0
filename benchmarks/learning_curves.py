"""The curves of `benchmarks/learning.py` as a picture: real success while an arm learns, and dreamed.

    python benchmarks/learning_curves.py [--folder results/learning] [--output docs/learning.svg]

A line is the mean over seeds, the band reaches from the worst to the best of them.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

ARMS = {
    "learning": ("dream GRPO", "real GRPO", "dream PPO", "S2R"),
    "what it takes": ("dream GRPO", "without reasoning", "plain history", "under-trained dream"),
}
COLOURS = ("#1b6ca8", "#d1495b", "#66a182", "#edae49")


def main() -> None:
    """Draw what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("results/learning"))
    parser.add_argument("--output", type=Path, default=Path("docs/learning.svg"))
    options = parser.parse_args()
    matplotlib.rcParams["svg.hashsalt"] = "dreamgym"  # the same curves are the same file
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (title, arms) in zip(figure.subplots(1, len(ARMS), sharey=True), ARMS.items(), strict=True):
        for arm, colour in zip(arms, COLOURS, strict=True):
            draw(axes, options.folder / arm.lower().replace(" ", "-"), arm, colour)
        axes.set(title=title, xlabel="iteration", ylim=(0, 100))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False, fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    figure.supylabel("success in the real world, % (dotted: in the dream)", fontsize="medium")
    figure.savefig(options.output, metadata={"Date": None})
    print(f"written to {options.output}")


def draw(axes: Axes, folder: Path, arm: str, colour: str) -> None:
    """One arm: its real success with a band, its dreamed success dotted."""
    for world, style in (("real", "-"), ("dreamed", ":")):
        points = successes(folder, world)
        if not points or (world == "dreamed" and arm == "real GRPO"):
            continue
        iterations = sorted(points)
        axes.plot(
            iterations,
            [fmean(points[i]) for i in iterations],
            style,
            color=colour,
            label=arm if world == "real" else None,
        )
        if world == "real":
            low, high = ([pick(points[i]) for i in iterations] for pick in (min, max))
            axes.fill_between(iterations, low, high, color=colour, alpha=0.15, linewidth=0)


def successes(folder: Path, world: str) -> dict[int, list[float]]:
    """Percent solved by iteration, one number per seed."""
    points: dict[int, list[float]] = defaultdict(list)
    for path in sorted(folder.glob(f"*/evaluations/{world}_*.json")):
        points[int(path.stem.rpartition("_")[2])].append(100 * json.loads(path.read_text())["success"])
    return points


if __name__ == "__main__":
    main()

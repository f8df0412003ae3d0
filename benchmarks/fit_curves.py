"""The loss curves of the shipped models' fits as a picture.

    python benchmarks/fit_curves.py [--folder docs/fits]

Reads every `NAME.json` of the folder, a copy of a `fit.json`, and writes `curves.svg` there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure


def main() -> None:
    """Draw what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("docs/fits"))
    folder = parser.parse_args().folder
    matplotlib.rcParams["svg.hashsalt"] = "dreamgym"  # the same curves are the same file
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    for path in sorted(folder.glob("*.json")):
        steps, losses = zip(*json.loads(path.read_text())["curve"], strict=True)
        axes.plot(steps, losses, label=path.stem.replace("_", ", "))
    axes.set(xlabel="optimizer step", ylabel="loss per token", yscale="log")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / "curves.svg", metadata={"Date": None})
    print(f"written to {folder / 'curves.svg'}")


if __name__ == "__main__":
    main()

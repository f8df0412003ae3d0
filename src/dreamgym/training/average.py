"""The mean policy of a run: its checkpoints' weights, averaged.

    θ̄ = (1/n) Σ_i θ_i        over the checkpoints i of the run's latter half

Steps of one size keep RL's last policy jumping about a good one, and the mean of its path lies nearer to that
(Polyak and Juditsky 1992). It is measured like any checkpoint, and nothing is trained on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from dreamgym.core.config_io import override_config
from dreamgym.core.errors import CheckpointError
from dreamgym.training.checkpoints import Stateful, read_checkpoint, save_checkpoint
from dreamgym.training.manifest import checkpoints_in
from dreamgym.training.models import load_policy
from dreamgym.training.policy import LocalPolicy

MEAN = "policy_average.json"
POLICY, BUFFER = "policy", "replay_buffer"


def average_run(run: Path, advance: Callable[[], None]) -> tuple[Path, tuple[int, ...]]:
    """Write the mean policy of ``run``; returns its manifest, and the iterations that it is the mean of.

    Raises:
        CheckpointError: fewer than two checkpoints are of its latter half; or it trains an adapter, whose
            two factors have no mean that is the mean of its policies.
    """
    chosen = latter_half(run)
    last = read_checkpoint(chosen[-1][1])
    policy = load_policy(override_config(last.config, []).policy_model)
    if policy.adapter is not None:
        raise CheckpointError(f"{run} trains an adapter: only policies that are trained whole have a mean")
    _load_mean(policy, [path for _, path in chosen], advance)
    parts: dict[str, Stateful] = {POLICY: policy, BUFFER: _Copied(last.path.with_suffix("") / BUFFER)}
    path = save_checkpoint(run / MEAN, last.iteration, parts, config=last.config, counters=last.counters)
    return path, tuple(iteration for iteration, _ in chosen)


def latter_half(run: Path) -> Sequence[tuple[int, Path]]:
    """Iterations and manifests of the checkpoints to be averaged, in order."""
    found = checkpoints_in(run)
    chosen = [(number, path) for number, path in found if 2 * number >= found[-1][0]]
    if len(chosen) < 2:
        names = ", ".join(path.name for _, path in found) or "no policy_iter_….json"
        raise CheckpointError(
            f"{run} holds {names}: a mean takes two checkpoints of the latter half, set "
            "training.checkpoint_every to fewer iterations"
        )
    return chosen


def _load_mean(policy: LocalPolicy, manifests: Sequence[Path], advance: Callable[[], None]) -> None:
    """Leave the mean of the checkpoints' weights in ``policy``; summed in float64."""
    sums: dict[str, torch.Tensor] = {}
    for manifest in manifests:
        read_checkpoint(manifest).restore({POLICY: policy})
        for name, weight in policy.trained().items():
            sums[name] = sums.get(name, 0.0) + weight.detach().double()
        advance()
    with torch.no_grad():
        for name, weight in policy.trained().items():
            weight.copy_(sums[name] / len(manifests))


class _Copied:
    """A part of another checkpoint, as it lies there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, folder: Path) -> None:
        """See ``Stateful``."""
        shutil.copytree(self._folder, folder, dirs_exist_ok=True)

    def load(self, folder: Path) -> None:
        """Nothing is loaded from it."""

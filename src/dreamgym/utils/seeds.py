"""Randomness that depends on where it is used, never on what ran before it."""

from __future__ import annotations

import hashlib
import random
import sys


def derive_seed(*parts: int | str) -> int:
    """A seed of 63 bits for this place of the run, the same on every machine and Python version.

    ``derive_seed(run_seed, "rollout", iteration, task, member)`` needs no state, so a resumed run draws what
    the uninterrupted one drew.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def seed_globals(seed: int) -> None:
    """Seed the process-wide generators, for what draws from them beneath us: a model's dropout, a plug-in.

    The trainer does so before every iteration, so that a resumed run needs no record of them.
    """
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)

"""The process-wide random states, for what draws from them beneath us (a model's dropout, a plug-in).

Our own components are handed their randomness; a resumed run puts these back all the same.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from dreamgym.utils import atomic
from dreamgym.utils.seeds import derive_seed

STATES_FILE, PYTHON_FILE = "random.safetensors", "random.json"


class GlobalRandomness:
    """Python's, NumPy's and torch's global generators as one part of a checkpoint."""

    def __init__(self, seed: int) -> None:
        random.seed(derive_seed(seed, "python"))
        np.random.seed(derive_seed(seed, "numpy") % 2**32)
        torch.manual_seed(derive_seed(seed, "torch"))

    def save(self, folder: Path) -> None:
        """Write the three states, and one per GPU."""
        version, words, gauss = random.getstate()
        kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
        atomic.write_json(
            folder / PYTHON_FILE,
            {"python": [version, list(words), gauss], "numpy": [kind, position, has_gauss, cached]},
        )
        states = {
            "numpy": torch.from_numpy(np.asarray(keys).astype(np.int64)),
            "torch": torch.get_rng_state(),
        }
        for number, state in enumerate(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []):
            states[f"cuda{number}"] = state
        save_file(states, folder / STATES_FILE)

    def load(self, folder: Path) -> None:
        """Put back what ``save`` wrote; a GPU that is not here any more keeps its own state."""
        values = json.loads((folder / PYTHON_FILE).read_text())
        states = load_file(folder / STATES_FILE)
        version, words, gauss = values["python"]
        random.setstate((version, tuple(words), gauss))
        kind, position, has_gauss, cached = values["numpy"]
        np.random.set_state((kind, states["numpy"].numpy().astype(np.uint32), position, has_gauss, cached))
        torch.set_rng_state(states["torch"])
        for number in range(torch.cuda.device_count()):
            if f"cuda{number}" in states:
                torch.cuda.set_rng_state(states[f"cuda{number}"], number)

"""Where tau-bench's own files lie, how tests that need them are skipped, and what the original answered."""

from __future__ import annotations

import json
import lzma
from typing import Any

import pytest

from alfworld_data import DATA

FOLDER = DATA / "taubench"
needs_taubench = pytest.mark.skipif(
    not (FOLDER / "retail" / "orders.json").exists(),
    reason=f"no tau-bench files in {DATA}: set DREAMGYM_DATA to the folder that holds taubench/",
)
RECORDED = {"retail": "retail_train_dev_traces.json.xz", "airline": "airline_first25_traces.json.xz"}


def recorded(domain: str) -> list[dict[str, Any]]:
    """What the original answered to the reference solution of each task, and the final database's hash."""
    with lzma.open(FOLDER / RECORDED[domain], "rt", encoding="utf-8") as file:
        traces: list[dict[str, Any]] = json.load(file)
    return traces

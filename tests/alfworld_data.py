"""Where the official ALFWorld games lie, and how tests that need them are skipped."""

from __future__ import annotations

import json
import lzma
import os
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("DREAMGYM_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
needs_data = pytest.mark.skipif(
    not (DATA / "alfworld" / "train.jsonl.xz").exists(),
    reason=f"no official ALFWorld games in {DATA}: set DREAMGYM_DATA to the folder that holds alfworld/",
)


@cache
def logic() -> dict[str, str]:
    """The PDDL domain and the text grammar that all official games share."""
    record: dict[str, str] = json.loads((DATA / "alfworld" / "logic.json").read_text(encoding="utf-8"))
    return record


def records(split: str, size: int | None = None) -> list[dict[str, Any]]:
    """The first ``size`` games of a split as the file has them."""
    with lzma.open(DATA / "alfworld" / f"{split}.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in islice(lines, size)]


def game_file(record: dict[str, Any]) -> str:
    """The text of the ``game.tw-pddl`` file of a record."""
    grammar = logic()["grammar_template"].replace("{TASK}", record["task"])
    return json.dumps(
        {
            "pddl_domain": logic()["domain"],
            "grammar": grammar,
            "pddl_problem": record["problem"],
            "solvable": True,
            "walkthrough": record["walkthrough"],
        }
    )

"""Where the original WebShop's files lie, and how tests that need them are skipped."""

from __future__ import annotations

import json
import lzma
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

DATA = Path(os.environ.get("DREAMGYM_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
FOLDER = DATA / "webshop"
needs_data = pytest.mark.skipif(
    not (FOLDER / "products_1000.jsonl.xz").exists(),
    reason=f"no WebShop products in {DATA}: set DREAMGYM_DATA to the folder that holds webshop/",
)


@cache
def recorded(name: str) -> Any:
    """The content of one of the recorded files."""
    path = FOLDER / name
    if path.suffix == ".xz":
        with lzma.open(path, "rt", encoding="utf-8") as file:
            return json.load(file)
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def product_lines() -> list[dict[str, Any]]:
    """The products as the file has them."""
    with lzma.open(FOLDER / "products_1000.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]

"""The documentation's code blocks, for the tests that run them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_blocks(name: str, language: str) -> list[str]:
    """The bodies of the ``language`` blocks of a Markdown file, in order."""
    return [body for found, body in BLOCK.findall((ROOT / name).read_text("utf-8")) if found == language]


def run_blocks(name: str, blocks: list[str]) -> ModuleType:
    """``blocks`` of the page ``name``, run one after the other as one module."""
    module = ModuleType(Path(name).stem)
    sys.modules[module.__name__] = module  # dataclasses look up the module of their class
    for block in blocks:
        exec(compile(block, name, "exec", dont_inherit=True), vars(module))
    return module

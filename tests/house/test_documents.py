"""What the documentation points at exists: files, functions, tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from documents import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
REFERENCE = re.compile(r"`((?:[\w/]+)\.py)::([\w.]+)`")


def definitions(path: Path) -> set[str]:
    """``function``, ``Class`` and ``Class.method`` names, and constants, of a Python file."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            members = (ast.FunctionDef, ast.AsyncFunctionDef)
            found |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, members)}
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def located(name: str) -> Path:
    """A Python file named from the repository's root or from the package."""
    return next((path for path in (ROOT / name, ROOT / "src/dreamgym" / name) if path.is_file()), ROOT / name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_functions_and_tests_exist(page: Path) -> None:
    missing = [
        f"{file}::{name}"
        for file, name in REFERENCE.findall(page.read_text("utf-8"))
        if not located(file).is_file() or name not in definitions(located(file))
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_is_closed(page: Path) -> None:
    fences = [line for line in page.read_text("utf-8").splitlines() if line.lstrip().startswith("```")]
    # With text behind it, it closes nothing.
    assert [line for line in fences[1::2] if line.strip() != "```"] == []
    assert len(fences) % 2 == 0


def test_every_equation_of_the_paper_has_a_function_and_a_test() -> None:
    rows = [line.split("|") for line in (ROOT / "docs/paper_index.md").read_text("utf-8").splitlines()]
    indexed = {row[1].strip(): row for row in rows if len(row) > 4}
    for equation in [*(f"Eq. {number}" for number in range(1, 8)), "Lemma 1"]:
        functions, tests = (REFERENCE.findall(cell) for cell in indexed[equation][3:5])
        assert functions, equation
        assert all(file.startswith("tests/") for file, _ in tests), equation
        assert tests, equation

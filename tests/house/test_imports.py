"""Imports point one way, and what a person waits for does not load torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from documents import ROOT

LAYERS = ("core", "utils", "models", "environments", "training", "reports", "cli")
PACKAGE = ROOT / "src" / "dreamgym"
FILES = sorted(PACKAGE.rglob("*.py"))


def layers_imported(path: Path) -> set[str]:
    """The layers that a file imports, at its top or inside a function, relative imports resolved."""
    found: set[str] = set()
    here = ("dreamgym", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) + 1 - node.level] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("dreamgym.")}
    return found & set(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_left_only(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0]
    if layer not in LAYERS:
        assert not layers_imported(path), f"{path.name} lies outside the layers and must import none of them"
        return
    right = set(LAYERS[LAYERS.index(layer) + 1 :])
    assert (
        not layers_imported(path) & right
    ), f"{layer} must not import {sorted(layers_imported(path) & right)}"


def test_the_reader_of_imports_sees_every_form(tmp_path: Path) -> None:
    forms = {
        "import dreamgym.cli.main": {"cli"},
        "from dreamgym import training": {"training"},
        "from dreamgym.models import sheet": {"models"},
        "def f():\n    from ..reports import html": {"reports"},
        "from . import base_env": {"environments"},
        "import torch": set(),
    }
    path = PACKAGE / "environments" / "form.py"
    for source, layers in forms.items():
        stand_in = tmp_path / "form.py"
        stand_in.write_text(source)
        assert layers_imported(Disguised(stand_in, path)) == layers, source


class Disguised:
    """The text of one file under the name of another."""

    def __init__(self, source: Path, path: Path) -> None:
        self.read_text = source.read_text
        self.relative_to = path.relative_to


@pytest.mark.parametrize(
    "modules",
    [
        ("dreamgym.core." + path.stem for path in sorted((PACKAGE / "core").glob("*.py"))),
        ["dreamgym.environments.base_env", "dreamgym.environments.checks"],
        ("dreamgym.reports." + path.stem for path in sorted((PACKAGE / "reports").glob("*.py"))),
        ["dreamgym.cli.main"],
    ],
    ids=["core", "environments", "reports", "cli"],
)
def test_torch_is_not_loaded(modules: list[str]) -> None:
    program = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

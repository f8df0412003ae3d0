"""What pyproject.toml, requirements.txt and the sources say of dependencies agrees."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINS = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines() if line[:1] != "#"]
CORE = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(text) for text in texts] for name, texts in PROJECT["optional-dependencies"].items()
}
# A distribution's import name where it is not the distribution's.
IMPORTS = {"pyyaml": "yaml", "faiss-cpu": "faiss", "sentence-transformers": "sentence_transformers"}
COMES_WITH = {"markupsafe": "jinja2", "pydantic_core": "pydantic", "httpx2": "openai"}
READ_BY_TRANSFORMERS = {"gguf"}  # which imports it for a .gguf file
TOOLS = {"dev"}  # programs that people run, not modules that the code imports
LOADED = re.compile(r".*(?:importorskip|import_module)\('(\w+)")
NOT_YET = {"openenv", "ray"}  # named for what is to come; nothing uses them


def imported(folders: Iterable[Path]) -> set[str]:
    """The first names of all modules that Python files import, wherever in a file."""
    found: set[str] = set()
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
                found |= {"tensorboard"} if node.module == "torch.utils.tensorboard" else set()
            elif match := LOADED.match(ast.unparse(node) if isinstance(node, ast.Call) else ""):
                found.add(match[1])
    return found


def import_name(requirement: Requirement) -> str:
    return IMPORTS.get(canonicalize_name(requirement.name), requirement.name.replace("-", "_"))


def test_every_core_dependency_is_pinned_inside_its_range() -> None:
    pins = {canonicalize_name(pin.name): pin for pin in PINS}
    assert pins.keys() == {canonicalize_name(requirement.name) for requirement in CORE}
    for requirement in CORE:
        (specifier,) = pins[canonicalize_name(requirement.name)].specifier
        assert specifier.operator == "=="
        assert requirement.specifier.contains(specifier.version)


@pytest.mark.parametrize("pin", PINS, ids=str)
def test_the_tests_run_with_the_pinned_versions(pin: Requirement) -> None:
    assert pin.specifier.contains(version(pin.name)), f"installed is {version(pin.name)}"


def test_what_the_package_imports_is_declared() -> None:
    declared = {import_name(r) for r in [*CORE, *(r for rs in EXTRAS.values() for r in rs)]}
    foreign = imported([ROOT / "src"]) - set(sys.stdlib_module_names) - {"dreamgym", "__future__"}
    assert {COMES_WITH.get(name, name) for name in foreign} - declared == set()


def test_what_is_declared_is_imported() -> None:
    core = imported([ROOT / "src"]) | READ_BY_TRANSFORMERS
    assert [r.name for r in CORE if import_name(r) not in core] == []
    used = imported([ROOT / "src", ROOT / "tests", ROOT / "benchmarks"])
    idle = {name for name, rs in EXTRAS.items() if not used & {import_name(r) for r in rs}}
    assert idle - TOOLS == NOT_YET


def test_the_version_has_one_source() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", version("dreamgym"))
    assert "version" in PROJECT["dynamic"]


def test_the_shipped_models_are_small_and_whole() -> None:
    assets = ROOT / "src/dreamgym/assets"
    assert sum(path.stat().st_size for path in assets.rglob("*") if path.is_file()) <= 5_000_000
    for name in ("policy", "experience"):
        files = {path.name for path in (assets / name).iterdir()}
        assert files >= {"config.json", "model.safetensors", "tokenizer.json", "fit.json"}


def test_nothing_is_ever_unpickled() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text("utf-8")
        assert not re.search(
            r"\b(?:pickle|cPickle|joblib|dill|shelve)\b|torch\.load\(|allow_pickle", text
        ), path
    assert imported([ROOT / "src"]).isdisjoint({"pickle", "shelve", "marshal", "joblib", "dill"})

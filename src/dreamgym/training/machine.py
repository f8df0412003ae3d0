"""What this machine has for DreamGym and what it lacks; of keys only whether they are set."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dreamgym.environments.needs import Need
from dreamgym.models.model_store import PUBLISHED, installed
from dreamgym.training.environment_facts import listed, needs_of
from dreamgym.training.models import ASSETS

GIB = 1024**3
MEMORY, DISK = 2 * GIB, 2 * GIB  # what the default run and its checkpoints need, with room
EXTRAS = {  # distribution, extra: what it is for
    ("anthropic", "anthropic"): "Anthropic's models",
    ("playwright", "browser"): "WebArena",
    ("sentence-transformers", "embeddings"): "retrieval by sentence embeddings",
    ("faiss-cpu", "faiss"): "retrieval among millions",
    ("gymnasium", "gymnasium"): "the Gymnasium view",
    ("peft", "lora"): "adapters read and written by peft",
    ("wandb", "wandb"): "--use-wandb",
    ("alfworld", "alfworld"): "ALFWorld's stock engine, the judge of ours",
}
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "WANDB_API_KEY")
DATA_VARIABLE = "DREAMGYM_DATA"
KNOWN_DATA = ("alfworld", "webshop", "taubench", "webarena")


def everything(variables: Mapping[str, str] = os.environ) -> dict[str, list[Need]]:
    """All needs by section."""
    sections = {
        "machine": list(machine()),
        "models": list(models()),
        "data": [data_folder(variables)],
        "extras": list(extras()),
        "keys": list(keys(variables)),
    }
    needed = {name: list(needs_of(name)) for name in listed()}
    return sections | {name: needs for name, needs in needed.items() if needs}


def machine() -> Iterator[Need]:
    """What every run stands on, and the GPU."""
    running = platform.python_version()
    yield Need(
        name="Python 3.11 or newer",
        found=running if sys.version_info >= (3, 11) else None,
        hint=f"this is {running}: make the environment with a newer one",
    )
    yield _package("torch", hint="pip install -r requirements.txt")
    yield Need(name="CPU cores", found=str(os.cpu_count() or 1), hint="")
    gpu = _gpu()
    yield Need(name="GPU", found=gpu, hint="none is needed: everything runs on the CPU", optional=True)
    free = _free_memory()
    yield Need(
        name="memory, 2 GiB free",
        found=None if free is not None and free < MEMORY else _gib(free),
        hint=f"{_gib(free)} is free: end other programs, or lower training.concurrency",
        optional=True,
    )
    room = shutil.disk_usage(Path.cwd()).free
    yield Need(
        name="disk, 2 GiB free here",
        found=None if room < DISK else _gib(room),
        hint=f"{_gib(room)} is free in {Path.cwd()}: make room, or set training.output_dir elsewhere",
        optional=True,
    )


def models() -> Iterator[Need]:
    """Those that ship, and those that can be got."""
    for name in ("policy", "experience"):
        there = (ASSETS / name / "config.json").is_file()
        yield Need(
            name=f"embedded {name} model",
            found="shipped" if there else None,
            hint=f"install the package again, or make it: dreamgym fit {name}",
        )
    for name, model in PUBLISHED.items():
        place = installed(name)
        yield Need(
            name=f"{name}, {model.about}",
            found=None if place is None else str(place),
            hint=f"dreamgym models get {name}",
            optional=True,
        )


def data_folder(variables: Mapping[str, str]) -> Need:
    """The folder of the original environments' data."""
    named = variables.get(DATA_VARIABLE, "")
    inside = [name for name in KNOWN_DATA if named and (Path(named) / name).is_dir()]
    wanted = f"a folder that holds {', '.join(KNOWN_DATA)} or some of them"
    hint = f"{named} holds none of it" if named else f"only for the original tasks: set {DATA_VARIABLE}"
    return Need(
        name=DATA_VARIABLE,
        found=f"{named}: {', '.join(inside)}" if inside else None,
        hint=f"{hint}; wanted {wanted}",
        optional=True,
    )


def extras() -> Iterator[Need]:
    """The optional packages."""
    for (package, extra), purpose in EXTRAS.items():
        need = _package(package, hint=f"pip install 'dreamgym[{extra}]'", optional=True)
        yield Need(name=f"[{extra}] {purpose}", found=need.found, hint=need.hint, optional=True)


def keys(variables: Mapping[str, str]) -> Iterator[Need]:
    """Whether they are set, never what they are."""
    for name in KEYS:
        is_set = bool(variables.get(name))
        yield Need(name=name, found="set" if is_set else None, hint="only for that service", optional=True)


def _package(name: str, *, hint: str, optional: bool = False) -> Need:
    try:
        found: str | None = version(name)
    except PackageNotFoundError:
        found = None
    return Need(name=name, found=found, hint=hint, optional=optional)


def _gpu() -> str | None:
    """Its name."""
    try:
        import torch
    except (ImportError, OSError):  # a broken installation is told as torch's own line
        return None
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _free_memory() -> int | None:
    """Bytes; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    sizes = {line.partition(":")[0]: line.split()[1] for line in lines}
    return int(sizes["MemAvailable"]) * 1024 if "MemAvailable" in sizes else None


def _gib(size: int | None) -> str:
    return "unknown" if size is None else f"{size / GIB:.1f} GiB"

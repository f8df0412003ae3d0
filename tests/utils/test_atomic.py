"""A file or folder is whole or as it was before."""

import os

import pytest

from dreamgym.utils import atomic


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "a.json"
    atomic.write_json(path, {"a": 1})
    atomic.write_json(path, {"a": 2})
    assert path.read_text() == '{\n  "a": 2\n}\n'
    assert os.listdir(path.parent) == ["a.json"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    atomic.write_text(path, "old")

    def disk_full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        atomic.write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic.write_json(tmp_path / "a.json", float("nan"))
    assert os.listdir(tmp_path) == []


def test_a_folder_takes_its_place_only_when_it_is_filled(tmp_path):
    target = tmp_path / "folder"
    with atomic.new_folder(target) as folder:
        (folder / "one").write_text("1")
    with pytest.raises(ZeroDivisionError), atomic.new_folder(target) as folder:
        (folder / "two").write_text(str(1 / 0))
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(target) == ["one"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    (tmp_path / ".partial-x").mkdir()
    (tmp_path / ".partial-y").write_text("half")
    (tmp_path / "kept").write_text("whole")
    atomic.remove_partial(tmp_path)
    assert os.listdir(tmp_path) == ["kept"]


def test_what_is_foreign_is_never_replaced(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    (target / "one").write_text("old")
    with (
        pytest.raises(FileExistsError, match=r"thesis\.txt, which would be lost"),
        atomic.new_folder(target) as new,
    ):
        (new / "one").write_text("1")
    assert (target / "thesis.txt").read_text() == "mine"
    assert (target / "one").read_text() == "old"
    with pytest.raises(FileExistsError, match="it is a file"), atomic.new_folder(target / "one"):
        pass
    assert sorted(os.listdir(tmp_path)) == ["folder"]


def test_a_gitkeep_is_carried_over(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".gitkeep").touch()
    with atomic.new_folder(tmp_path / "folder") as new:
        (new / "one").write_text("1")
    assert sorted(os.listdir(tmp_path / "folder")) == [".gitkeep", "one"]


@pytest.mark.parametrize("died", ["between the renames", "before the old one was gone"])
def test_a_process_killed_while_folders_are_exchanged_loses_none(tmp_path, monkeypatch, died):
    target = tmp_path / "folder"
    with atomic.new_folder(target) as new:
        (new / "one").write_text("old")

    class Killed(BaseException): ...

    def die(*arguments, **settings):
        raise Killed

    swap = os.replace
    if died == "between the renames":
        monkeypatch.setattr(atomic.os, "replace", lambda a, b: die() if b == target else swap(a, b))
    else:
        monkeypatch.setattr(atomic.shutil, "rmtree", lambda path, **settings: None)
    try:
        with atomic.new_folder(target) as new:
            (new / "one").write_text("new")
    except Killed:
        pass
    monkeypatch.undo()
    atomic.remove_partial(tmp_path)
    assert os.listdir(tmp_path) == ["folder"]
    assert (target / "one").read_text() == ("old" if died == "between the renames" else "new")

"""tau-bench's files where they are wrong: refused, with the name of the file and what was found in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dreamgym.core.errors import DataError, DreamGymError, UnavailableError
from dreamgym.environments.taubench.official_tasks import load_scripts
from dreamgym.environments.taubench.panels import task_named
from dreamgym.environments.taubench.schema import object_problem, unsupported
from dreamgym.environments.taubench.tools import signature
from taubench_data import FOLDER, needs_taubench
from wrong_values import WRONG, with_wrong_values


def test_missing_files_are_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DREAMGYM_DATA", raising=False)
    with pytest.raises(UnavailableError, match="set DREAMGYM_DATA or environment"):
        task_named("retail:test:0")
    with pytest.raises(DataError, match="is its folder complete"):
        task_named("retail:test:0", tmp_path)


def test_a_folder_of_another_level_is_told(tmp_path: Path) -> None:
    (tmp_path / "taubench" / "retail").mkdir(parents=True)
    with pytest.raises(DataError, match=f"the folder around it is wanted: name {tmp_path}$"):
        task_named("retail:test:0", tmp_path / "taubench")
    (tmp_path / "taubench").rename(tmp_path / "tau")
    with pytest.raises(DataError, match=f"move them into {tmp_path}/tau/taubench$"):
        task_named("retail:test:0", tmp_path / "tau")


ORDER = {"order_id": "#W1", "user_id": "", "status": "", "address": {}, "payment_history": []}


@needs_taubench
@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("orders.json", "[1, 2]", "a JSON object of records was wanted, found list"),
        ("orders.json", '{"#W1": {"name": "a user"}}', "the record '#W1' has no order_id, user_id"),
        ("orders.json", "{}", "it holds no record"),
        ("orders.json", json.dumps({"#W1": ORDER | {"items": 7}}), "items of the record '#W1' is int, list"),
        ("orders.json", '{"#W1"', "is not JSON"),
        ("orders.json", "[" * 100_000, "is not JSON"),
        ("orders.json", b"\xff\xfe{", "is not UTF-8"),
        ("tasks_test.json", "{}", "a list of tasks was wanted"),
        ("tasks_test.json", '[{"instruction": 3}]', "task retail:test:0: not a task"),
        (
            "tasks_test.json",
            '[{"instruction": "a", "outputs": [], "actions": [{"name": "x"}]}]',
            "an action without a name and kwargs",
        ),
        (
            "tasks_test.json",
            '[{"instruction": "a", "outputs": [], "actions": [{"name": "nosuch", "kwargs": {}}]}]',
            r"task retail:test:0: no tool takes its action 'nosuch' \(Unknown action nosuch\)",
        ),
        (
            "tasks_test.json",
            '[{"instruction": "a", "outputs": [], '
            '"actions": [{"name": "get_order_details", "kwargs": {"order_id": []}}]}]',
            r"'get_order_details' \(Error: order_id is array, string was wanted\)",
        ),
        ("tools_info.json", '{"tools": [], "terminate_tools": []}', "does not describe the tools calculate"),
        ("tools_info.json", '{"tools": [{"function": {}}], "terminate_tools": []}', "a tool without a name"),
        ("tools_info.json", "[]", "'terminate_tools' was wanted"),
    ],
)
def test_a_wrong_file_is_told_with_its_name(
    tmp_path: Path, file: str, text: str | bytes, message: str
) -> None:
    shutil.copytree(FOLDER / "retail", tmp_path / "taubench" / "retail")
    path = tmp_path / "taubench" / "retail" / file
    path.chmod(0o644)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DreamGymError, match=message) as caught:
        task_named("retail:test:0", tmp_path)
    assert file in str(caught.value)


TOOL = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "description": "such as #W1"},
        "reason": {"type": "string", "enum": ["a", "b"]},
        "items": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
    },
    "required": ["order_id"],
}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"properties": 7}, "the properties 7"),
        ({"required": 7}, "the required arguments 7"),
        ({"required": ["order"]}, "the required argument 'order' without a schema"),
        ({"type": ["object"]}, r"the type ['object']"),
        ({"properties": {"order_id": {"type": "string", "enum": 7}}}, "the enum 7"),
        ({"properties": {"order_id": {"type": "string", "pattern": "["}}}, "a pattern"),
    ],
)
def test_a_schema_that_cannot_be_checked_says_why(change: dict[str, Any], wrong: str) -> None:
    assert unsupported(TOOL) == ""
    assert unsupported(TOOL | change) == wrong


def test_a_schema_as_deep_as_nobody_reads_is_refused() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(300):
        deep = {"type": "array", "items": deep}
    assert "nested" in unsupported(deep)


def test_what_a_schema_may_hold_can_be_checked_and_told_to_an_agent() -> None:
    taken = [
        schema for schema in with_wrong_values(TOOL) if isinstance(schema, dict) and not unsupported(schema)
    ]
    assert len(taken) > 10
    for schema in taken:
        for value in WRONG:
            assert isinstance(object_problem({"order_id": value, "items": [value]}, schema), str)
        assert signature("get", schema).startswith("get(")


@needs_taubench
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"terminate_tools": [[]]}, "terminate_tools holds"),
        ({"terminate_tools": ["stop"]}, "terminate_tools holds 'stop', which is no tool of it"),
    ],
)
def test_what_ends_an_episode_is_a_tool(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    shutil.copytree(FOLDER / "retail", tmp_path / "taubench" / "retail", copy_function=shutil.copyfile)
    path = tmp_path / "taubench" / "retail" / "tools_info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=message):
        task_named("retail:test:0", tmp_path)


@needs_taubench
def test_a_task_with_a_value_of_another_type_is_refused_or_read(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "retail", tmp_path / "retail", copy_function=shutil.copyfile)
    action = {"name": "get_order_details", "kwargs": {"order_id": "#W1"}}
    tasks = [{"instruction": "a", "outputs": ["x"], "actions": [action]}]
    refusals = []
    for wrong in with_wrong_values(tasks):
        (tmp_path / "retail" / "tasks_dev.json").write_text(json.dumps(wrong))
        load_scripts.cache_clear()
        try:
            load_scripts(tmp_path, "retail", "dev")
        except DataError as error:
            refusals.append(str(error))
    assert len(refusals) > 50
    assert all("tasks_dev.json" in refusal for refusal in refusals)

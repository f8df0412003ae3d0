"""Streaming gives what loading the whole file gives."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dreamgym.training.traces.records import read_records, shape_of
from dreamgym.training.traces.source import open_source
from dreamgym.training.traces.trace import Record

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    SCALARS | TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
OBJECTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4).filter(lambda d: "simulations" not in d)


def streamed(data: bytes) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        with open_source(path) as source:
            found = list(read_records(source, shape_of(source.head)))
    assert all(isinstance(record, Record) for record in found), found
    assert [record.place for record in found] == sorted(record.place for record in found)
    return [record.value for record in found if isinstance(record, Record)]


@given(objects=st.lists(OBJECTS, min_size=1, max_size=5), ascii=st.booleans())
def test_lines(objects: list[dict[str, Any]], ascii: bool) -> None:
    lines = "\n\n".join(json.dumps(value, ensure_ascii=ascii) for value in objects)
    assert streamed(lines.encode()) == objects


@given(objects=st.lists(OBJECTS, min_size=1, max_size=5), indent=st.sampled_from([None, 1]))
def test_an_array(objects: list[dict[str, Any]], indent: int | None) -> None:
    assert streamed(json.dumps(objects, indent=indent).encode()) == objects


@given(objects=st.lists(OBJECTS, min_size=1, max_size=3))
def test_objects_over_many_lines(objects: list[dict[str, Any]]) -> None:
    assert streamed("\n".join(json.dumps(value, indent=2) for value in objects).encode()) == objects


@given(objects=st.lists(OBJECTS, min_size=1, max_size=3), before=VALUES)
def test_the_list_of_simulations_in_a_document(objects: list[dict[str, Any]], before: Any) -> None:
    document = {"info": before, "tasks": [{"simulations": 1}], "simulations": objects, "after": 1}
    assert streamed(json.dumps(document).encode()) == objects


def test_a_list_of_messages_on_a_line_is_one_trace() -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    lines = f"{json.dumps(messages)}\n{json.dumps(messages)}\n"
    assert streamed(lines.encode()) == [messages, messages]

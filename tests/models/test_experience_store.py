"""The replay buffer on disk: durable, continued exactly, and clear about what is wrong."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from dreamgym.core.data_structures import Experience
from dreamgym.core.errors import CheckpointError, StoreError
from dreamgym.models import experience_store
from dreamgym.models.embedding import HashingEmbedder
from dreamgym.models.replay_buffer import STATE, STORE, VECTORS, ExperienceReplayBuffer
from experiences import close_buffers, experience, open_buffer, random_experience

RNG = Random(4)
ROWS = [random_experience(number, RNG) for number in range(300)]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_buffers()


def answers(buffer: ExperienceReplayBuffer) -> list[tuple[Experience, ...]]:
    """All that a run could see of it."""
    everything = tuple(sorted(buffer.sample_balanced(10**6), key=lambda e: e.id))
    return [everything, *buffer.neighbours_batch([(e.state, e.action) for e in ROWS[::7]], k=4)]


class CountingEmbedder(HashingEmbedder):
    """Knows how many texts it was given."""

    asked = 0

    def embed(self, texts):  # type: ignore[no-untyped-def]
        self.asked += len(texts)
        return super().embed(texts)


def test_a_closed_buffer_opens_as_it_was_without_embedding_again(tmp_path: Path) -> None:
    path = tmp_path / "buffer.sqlite"
    buffer = open_buffer(path)
    buffer.add_experiences(ROWS)
    before = answers(buffer)
    buffer.close()
    embedder = CountingEmbedder(32)
    again = open_buffer(path, embedder=embedder)
    assert embedder.asked == 0
    assert answers(again) == before
    again.close()


@pytest.mark.parametrize("damage", ["missing", "short", "torn", "foreign", "other size"])
def test_vectors_are_made_again_from_the_store(tmp_path: Path, damage: str) -> None:
    path, vectors = tmp_path / "buffer.sqlite", tmp_path / "buffer.vectors"
    buffer = open_buffer(path)
    buffer.add_experiences(ROWS)
    before = answers(buffer)
    buffer.close()
    content = vectors.read_bytes()
    if damage == "missing":
        vectors.unlink()
    elif damage == "other size":
        open_buffer(path, embedder=HashingEmbedder(16)).close()
    else:
        flipped = content[:2000] + bytes(200) + content[2200:]
        vectors.write_bytes({"short": content[:-1000], "torn": flipped, "foreign": b"no vectors"}[damage])
    again = open_buffer(path)
    assert answers(again) == before
    again.close()
    open_buffer(path, embedder=(embedder := CountingEmbedder(32)))
    assert embedder.asked == 0


def test_the_vector_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    buffer = open_buffer(tmp_path / "buffer.sqlite", capacity=10)
    rng = Random(9)
    for start in range(0, 6000, 500):
        buffer.add_experiences(random_experience(start + n, rng) for n in range(500))
    most = 2 * (10 + 1024) + 1024
    assert (tmp_path / "buffer.vectors").stat().st_size < 128 + most * (8 + 64 + 4)
    assert open_buffer(tmp_path / "buffer.sqlite", capacity=10).neighbours("a", "b", k=3)


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_loaded_buffer_continues_exactly(tmp_path: Path, on_disk: bool) -> None:
    first = open_buffer(tmp_path / "first.sqlite" if on_disk else None, rng=Random(1))
    first.add_experiences(ROWS[:200])
    first.sample_balanced(5)
    first.save(tmp_path / "saved")
    resumed = open_buffer(tmp_path / "resumed.sqlite" if on_disk else None, rng=Random(2))
    resumed.add_experiences(ROWS[150:190])  # what a killed run had added after its checkpoint
    resumed.load(tmp_path / "saved")
    for buffer in (first, resumed):
        buffer.add_experiences(ROWS[200:])
    assert answers(resumed) == answers(first)
    assert resumed.sample_balanced(7) == first.sample_balanced(7)
    assert resumed.metrics() == first.metrics()
    first.save(tmp_path / "one")
    resumed.save(tmp_path / "two")
    for name in (STORE, VECTORS, STATE):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    if on_disk:
        resumed.close()
        assert answers(open_buffer(tmp_path / "resumed.sqlite")) == answers(first)


def test_loading_moves_between_memory_and_disk(tmp_path: Path) -> None:
    memory = open_buffer(None)
    memory.add_experiences(ROWS)
    memory.save(tmp_path)
    disk = open_buffer(tmp_path / "disk.sqlite")
    disk.load(tmp_path)
    assert answers(disk) == answers(memory)


@pytest.mark.parametrize("name", [STATE, STORE, VECTORS])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_checkpoint_that_is_not_whole(tmp_path: Path, name: str, damage: str) -> None:
    source, buffer = open_buffer(None), open_buffer(None)
    source.add_experiences(ROWS)
    source.save(tmp_path)
    buffer.add_experience(ROWS[0])
    path = tmp_path / name
    path.unlink() if damage == "missing" else path.write_bytes(path.read_bytes()[:-900])
    if name == VECTORS:
        buffer.load(tmp_path)  # they are only a cache
        assert answers(buffer) == answers(source)
    else:
        with pytest.raises((CheckpointError, StoreError), match=name):
            buffer.load(tmp_path)
        assert len(buffer) == 1


def test_evaluation_tasks_and_a_smaller_capacity_take_effect_on_opening(tmp_path: Path) -> None:
    path = tmp_path / "buffer.sqlite"
    buffer = open_buffer(path)
    buffer.add_experiences(ROWS)
    buffer.close()
    smaller = open_buffer(path, capacity=20, evaluation_tasks=[f"task {n}" for n in range(10)])
    kept = smaller.sample_balanced(1000)
    assert len(kept) == 20
    assert all(int(e.task_id.split()[1]) >= 10 for e in kept)


def test_a_locked_store_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experience_store, "LOCK_SECONDS", 0.05)
    path = tmp_path / "buffer.sqlite"
    buffer = open_buffer(path)
    buffer.add_experiences(ROWS[:50])
    before = answers(buffer)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"buffer\.sqlite.*another process holds it"):
        buffer.add_experiences(ROWS[50:])
    other.execute("ROLLBACK")
    assert answers(buffer) == before
    buffer.add_experiences(ROWS[50:])
    untouched = open_buffer(None)
    untouched.add_experiences(ROWS)
    assert answers(buffer) == answers(untouched)


def test_a_full_disk_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    buffer = open_buffer(tmp_path / "buffer.sqlite")
    buffer.add_experiences(ROWS[:50])
    before = answers(buffer)
    pages = buffer._store._connection.execute("PRAGMA page_count").fetchone()[0]
    buffer._store._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StoreError, match="disk is full"):
        buffer.add_experiences(ROWS[50:])
    assert answers(buffer) == before
    buffer.close()
    assert answers(open_buffer(tmp_path / "buffer.sqlite")) == before


def test_a_second_writer_is_told(tmp_path: Path) -> None:
    one, two = open_buffer(tmp_path / "buffer.sqlite"), open_buffer(tmp_path / "buffer.sqlite")
    one.add_experience(ROWS[0])
    with pytest.raises(StoreError, match="another process writes to it"):
        two.add_experience(ROWS[1])


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 20, "table"])
def test_a_foreign_file_is_left_alone(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "buffer.sqlite"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE mine (x)")
        connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"buffer\.path"):
        open_buffer(path)
    assert path.read_bytes() == before


WRITER = """
import sys
from pathlib import Path
from random import Random
from experiences import random_experience
from dreamgym.core.config import BufferConfig
from dreamgym.models.replay_buffer import ExperienceReplayBuffer
buffer = ExperienceReplayBuffer(BufferConfig(capacity=150, path=Path(sys.argv[1]), embedding_size=32))
rng = Random(int(sys.argv[2]))
for batch in range(10**6):
    buffer.add_experiences(random_experience(1000 * batch + n, rng) for n in range(20))
    print(batch, flush=True)
"""


def test_a_killed_writer_leaves_whole_batches(tmp_path: Path) -> None:
    moments = Random(6)
    for attempt in range(3):
        path = tmp_path / f"buffer {attempt}.sqlite"
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", WRITER, str(path), str(attempt)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
            for _ in range(moments.randrange(1, 40)):
                line = writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
            reported = int((line + writer.stdout.read()).split()[-1])
        reopened = open_buffer(path)
        assert answers(reopened) in [
            answers(written(batches, attempt)) for batches in (reported + 1, reported + 2)
        ]
        reopened.add_experience(experience("after the crash"))
        reopened.close()


def written(batches: int, seed: int) -> ExperienceReplayBuffer:
    """What the writer should have stored after so many batches."""
    buffer, rng = open_buffer(None), Random(seed)
    for batch in range(batches):
        buffer.add_experiences(random_experience(1000 * batch + n, rng) for n in range(20))
    return buffer

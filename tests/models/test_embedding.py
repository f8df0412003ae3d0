"""Embedders: the same everywhere, near for near texts, clear errors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from dreamgym.core.config import BufferConfig
from dreamgym.core.errors import ConfigError, EndpointError
from dreamgym.models import embedding
from dreamgym.models.embedding import HashingEmbedder, UrlEmbedder, embed_turns, make_embedder
from dreamgym.models.model_store import installed
from dreamgym.models.retrieval import to_grid


def test_hashing_is_the_same_on_every_machine() -> None:
    rows = to_grid(HashingEmbedder(64).embed(["You open the fridge 1.", "Ünïcode 冷蔵庫 \ud800", ""]))
    assert hashlib.sha256(rows.astype("<i2").tobytes()).hexdigest()[:16] == "838cfbd64f174f31"


def test_a_row_does_not_depend_on_its_batch() -> None:
    texts = [f"mug {n} on shelf {n % 3} " * (n % 5) for n in range(40)]
    embedder = HashingEmbedder()
    assert (embedder.embed(texts) == np.concatenate([embedder.embed([text]) for text in texts])).all()


def test_rows_have_length_one_and_nothing_is_zero() -> None:
    rows = HashingEmbedder().embed(["take mug 1", "...", "a" * 10**6])
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 0, 1])


def test_the_action_counts_as_much_as_a_long_state() -> None:
    long = "You are in the middle of a room. Looking quickly around you, you see a cabinet 1, a drawer 2."
    vectors = embed_turns(
        HashingEmbedder(), [long, long, "A short look."], ["open cabinet 1", "take mug 2", "open cabinet 1"]
    )
    same_state, same_action = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert same_state == pytest.approx(same_action, abs=0.2)


def test_word_order_matters() -> None:
    a, b, c = HashingEmbedder().embed(["move mug to shelf", "move shelf to mug", "move mug to shelf"])
    assert a @ c == pytest.approx(1)
    assert 0.3 < a @ b < 0.9


def test_a_folder_that_is_absent_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"buffer\.embedding"):
        make_embedder(BufferConfig(embedding=str(tmp_path / "absent")))


def answering(
    monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response | Exception
) -> list[dict[str, object]]:
    """Let the endpoint give ``answers`` in turn; returns what it was asked."""
    asked: list[dict[str, object]] = []
    left = list(answers)

    def post(url: str, **arguments: object) -> httpx.Response:
        asked.append(arguments)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(httpx, "post", post)
    monkeypatch.setattr(embedding.time, "sleep", lambda seconds: None)
    return asked


def vectors_answer(*rows: list[float]) -> httpx.Response:
    data = [{"index": i, "embedding": row} for i, row in enumerate(rows)]
    return httpx.Response(200, text=json.dumps({"data": data[::-1]}))


def test_an_endpoint_is_asked_again_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = (httpx.Response(503), httpx.ConnectError("refused"), vectors_answer([3.0, 4.0], [0.0, 2.0]))
    asked = answering(monkeypatch, *answers)
    monkeypatch.setenv("DREAMGYM_EMBEDDING_KEY", "secret")
    rows = UrlEmbedder("http://host/v1/embeddings", "small").embed(["a", ""])
    assert rows == pytest.approx(np.array([[0.6, 0.8], [0.0, 1.0]]))
    assert asked[2]["json"] == {"model": "small", "input": ["a", " "]}
    assert asked[2]["headers"] == {"Authorization": "Bearer secret"}


def test_of_no_turns_an_endpoint_is_asked_its_size_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, vectors_answer([1.0, 0.0, 0.0]))
    embedder = UrlEmbedder("http://host/v1/embeddings", "")
    assert [embed_turns(embedder, [], []).shape for _ in range(2)] == [(0, 3)] * 2
    assert len(asked) == 1


@pytest.mark.parametrize(
    "answer", [httpx.Response(401, text="no key"), httpx.Response(200, text="{}"), vectors_answer([1.0])]
)
def test_an_endpoint_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch, answer: httpx.Response) -> None:
    answering(monkeypatch, answer)
    with pytest.raises(EndpointError, match="http://host/v1/embeddings"):
        UrlEmbedder("http://host/v1/embeddings", "").embed(["a", "b"])


def test_a_sentence_transformer_knows_words_that_hashing_does_not() -> None:
    pytest.importorskip("sentence_transformers", reason="the extra 'embeddings' is not installed")
    if installed("minilm") is None:
        pytest.skip("minilm is not on this machine: dreamgym models get minilm")
    embedder = make_embedder(BufferConfig(embedding="minilm"))
    mug, cup, lamp = embedder.embed(["Grab the mug.", "Pick up a cup.", "The weather was fine on Tuesday."])
    assert embedder.size == len(mug)
    assert mug @ cup > mug @ lamp + 0.2

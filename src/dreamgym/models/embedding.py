"""φ, the encoder behind retrieval (paper §3): texts to unit vectors.

The default hashes words and pairs of words, needs nothing and is the same on every machine; a folder of
sentence-transformers or an ``/embeddings`` URL may stand in its place.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dreamgym.core.config import BufferConfig
from dreamgym.core.errors import ConfigError, EndpointError, UnavailableError
from dreamgym.models.model_store import PUBLISHED, published_folder

Vectors = NDArray[np.float32]  # [N, D]
MAX_CHARACTERS = 16_384  # of a text that are looked at
URL_BATCH = 256
URL_TRIES = 4
_WORD = re.compile(r"\w+")
_ODD_1, _ODD_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)


class Embedder(Protocol):
    """Texts to rows of length 1 (0 where a text says nothing)."""

    @property
    def name(self) -> str:
        """What tells its vectors from another embedder's."""
        ...

    @property
    def size(self) -> int:
        """D, the length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text [N, D], of at least one text; a row does not depend on the others."""
        ...


def make_embedder(config: BufferConfig) -> Embedder:
    """The embedder that ``buffer.embedding`` names."""
    if config.embedding == "hashing":
        return HashingEmbedder(config.embedding_size)
    if config.embedding in PUBLISHED:
        return SentenceTransformerEmbedder(published_folder(config.embedding))
    if config.embedding.startswith(("http://", "https://")):
        return UrlEmbedder(config.embedding, config.embedding_model)
    return SentenceTransformerEmbedder(Path(config.embedding))


def embed_turns(embedder: Embedder, states: Sequence[str], actions: Sequence[str]) -> Vectors:
    """φ(s, a) [N, D]: state and action weigh the same, however long the state is."""
    if not states:
        return np.empty((0, embedder.size), np.float32)
    both = embedder.embed(states) + embedder.embed([f"> {action}" for action in actions])
    return unit_rows(both)


def unit_rows(vectors_ND: NDArray[Any]) -> Vectors:
    """Rows scaled to length 1; a row of zeros stays."""
    wide_ND = vectors_ND.astype(np.float64)
    norms_N1 = np.sqrt((wide_ND * wide_ND).sum(axis=1, keepdims=True))
    return (wide_ND / np.where(norms_N1 == 0, 1, norms_N1)).astype(np.float32)


class HashingEmbedder:
    """Words and pairs of neighbouring words, each hashed to a place and a sign."""

    def __init__(self, size: int = 256) -> None:
        self.size = size
        self.name = f"hashing-1:{size}"  # count up when the vectors change

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text [N, D]."""
        words = [_WORD.findall(text[:MAX_CHARACTERS].lower()) for text in texts]
        counts_N = np.fromiter(map(len, words), np.int64, len(words))
        hashes_W = np.fromiter(
            (crc32(word.encode(errors="replace")) for row in words for word in row), np.uint64, counts_N.sum()
        )
        rows_W = np.repeat(np.arange(len(words)), counts_N)
        neighbours_W = rows_W[1:] == rows_W[:-1]
        pairs = (hashes_W[:-1] * _ODD_1 + hashes_W[1:])[neighbours_W]
        features = _mixed(np.concatenate([hashes_W, pairs]))
        rows = np.concatenate([rows_W, rows_W[1:][neighbours_W]])
        columns = (features >> np.uint64(1)) % np.uint64(self.size)
        signs = np.where(features & np.uint64(1), 1.0, -1.0)
        places = rows * self.size + columns.astype(np.int64)
        sums = np.bincount(places, weights=signs, minlength=len(words) * self.size)
        return unit_rows(sums.reshape(len(words), self.size))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit of the input moves every bit of the output, as the finalizer of splitmix64 does."""
    values = (values ^ (values >> np.uint64(31))) * _ODD_2
    values = (values ^ (values >> np.uint64(29))) * _ODD_1
    return values ^ (values >> np.uint64(32))


class SentenceTransformerEmbedder:
    """A local folder of sentence-transformers (extra ``embeddings``); loaded at the first use."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ConfigError(
                f"buffer.embedding is {str(folder)!r}: wanted 'hashing', 'minilm', "
                "an existing sentence-transformers folder, or the URL of an /embeddings endpoint"
            )
        self.name = f"sentence-transformers:{folder.name}"
        self._folder = folder
        self._loaded: Any = None

    @property
    def _model(self) -> Any:
        if self._loaded is None:
            try:
                from sentence_transformers import SentenceTransformer
            except ImportError as error:
                raise UnavailableError(
                    f"buffer.embedding names the folder {self._folder}, but sentence-transformers "
                    "is not installed: pip install 'dreamgym[embeddings]', or use buffer.embedding=hashing"
                ) from error
            self._loaded = SentenceTransformer(str(self._folder), device="cpu", local_files_only=True)
        return self._loaded

    @cached_property
    def size(self) -> int:
        """D, known once a text was embedded."""
        return int(self.embed(["size"]).shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text [N, D]."""
        rows = self._model.encode([text[:MAX_CHARACTERS] for text in texts], show_progress_bar=False)
        return unit_rows(np.asarray(rows))


class UrlEmbedder:
    """An OpenAI-compatible ``/embeddings`` endpoint; its key, if any, is in ``DREAMGYM_EMBEDDING_KEY``."""

    def __init__(self, url: str, model: str) -> None:
        self.name = f"{url}:{model}"
        self._url, self._model = url, model

    @cached_property
    def size(self) -> int:
        """D, known once a text was embedded."""
        return int(self.embed(["size"]).shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text [N, D]."""
        rows: list[list[float]] = []
        for start in range(0, len(texts), URL_BATCH):
            # An empty input is refused by hosted endpoints.
            batch = [text[:MAX_CHARACTERS] or " " for text in texts[start : start + URL_BATCH]]
            rows.extend(self._ask(batch))
        return unit_rows(np.array(rows, dtype=np.float64).reshape(len(rows), -1))

    def _ask(self, texts: list[str]) -> list[list[float]]:
        answer = self._post({"model": self._model, "input": texts})
        try:
            rows = [row["embedding"] for row in sorted(answer["data"], key=lambda row: row["index"])]
        except (KeyError, TypeError) as error:
            raise EndpointError(f"{self._url} gave no data[i].embedding: is it /embeddings?") from error
        if len(rows) != len(texts):
            raise EndpointError(f"{self._url} gave {len(rows)} vectors for {len(texts)} texts")
        return rows

    def _post(self, body: dict[str, Any]) -> Any:
        import httpx

        key = os.environ.get("DREAMGYM_EMBEDDING_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        problem = ""
        for attempt in range(URL_TRIES):
            if attempt:
                time.sleep(0.5 * 2**attempt)
            try:
                response = httpx.post(self._url, json=body, headers=headers, timeout=60.0)
                if response.is_success:
                    return response.json()
                problem = f"HTTP {response.status_code} {response.text[:200]}"
                if response.status_code < 500 and response.status_code != 429:
                    break
            except (httpx.HTTPError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
        raise EndpointError(
            f"{self._url} gives no embeddings ({problem}): check buffer.embedding and its server"
        )

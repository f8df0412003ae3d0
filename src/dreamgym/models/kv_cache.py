"""Keys and values of one context in numpy pages, and attention of ragged batches over them.

A page holds ``PAGE`` positions. Keys lie transposed in their page, ``[kv_heads, head_dim, PAGE]``, so that
both products of attention are plain row-major matrix products that stream each page once: at one query per
context, attention is bound by memory, and this layout reads it two to four times faster than a padded tensor.
Axes: T new tokens of all contexts, P pages, K kv heads, G queries per kv head, D head_dim, S slots of a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PAGE = 64

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class PagedCache:
    """Keys and values of the first ``length`` tokens of one context, in every layer."""

    def __init__(self, *, layers: int, kv_heads: int, head_dim: int) -> None:
        self.length = 0
        self.keys: Floats = np.zeros((layers, 0, kv_heads, head_dim, PAGE), np.float32)
        self.values: Floats = np.zeros((layers, 0, kv_heads, PAGE, head_dim), np.float32)

    def reserve(self, length: int) -> None:
        """Make room for ``length`` tokens; grows by half, so that a long context is rarely copied."""
        pages, held = _pages(length), self.keys.shape[1]
        if pages > held:
            self.keys = _resized(self.keys, held, max(pages, held + held // 2))
            self.values = _resized(self.values, held, self.keys.shape[1])

    def truncate(self, length: int) -> None:
        """Forget what was computed after the first ``length`` tokens."""
        self.length = min(self.length, length)

    def copy(self) -> PagedCache:
        """The same context, to be continued apart."""
        twin = PagedCache.__new__(PagedCache)
        pages = _pages(self.length)
        twin.length = self.length
        twin.keys = _resized(self.keys, pages, pages + 1)
        twin.values = _resized(self.values, pages, pages + 1)
        return twin


def _pages(length: int) -> int:
    return -(-length // PAGE)


def _resized(array: Floats, used: int, pages: int) -> Floats:
    """Room for ``pages``; zeros, not garbage, since a weight of 0 times NaN is NaN."""
    resized = np.zeros((array.shape[0], pages, *array.shape[2:]), np.float32)
    resized[:, :used] = array[:, :used]
    return resized


class RaggedAttention:
    """Causal attention of one forward: row i brings ``counts[i]`` new tokens to ``caches[i]``.

    What depends on lengths alone is prepared once and used by every layer.
    """

    def __init__(self, caches: Sequence[PagedCache], counts: Sequence[int]) -> None:
        for cache, count in zip(caches, counts, strict=True):
            cache.reserve(cache.length + count)
        starts = np.cumsum([0, *counts])
        single = [i for i, count in enumerate(counts) if count == 1]
        self._decode = _Decode([caches[i] for i in single], starts[single]) if single else None
        self._prefills = [
            _Prefill(caches[i], int(starts[i]), count) for i, count in enumerate(counts) if count > 1
        ]

    def __call__(self, layer: int, queries_TKGD: Floats, keys_TKD: Floats, values_TKD: Floats) -> Floats:
        """Store the new keys and values; return [T, K, G, D]. The queries are scaled already."""
        out_TKGD = np.empty_like(queries_TKGD)
        if self._decode is not None:
            self._decode.attend(layer, queries_TKGD, keys_TKD, values_TKD, out_TKGD)
        for prefill in self._prefills:
            prefill.attend(layer, queries_TKGD, keys_TKD, values_TKD, out_TKGD)
        return out_TKGD


class _Decode:
    """The rows with one new token: two matrix products per row, one softmax for all."""

    def __init__(self, caches: Sequence[PagedCache], tokens: Ints) -> None:
        self._tokens = tokens
        pages = np.array([_pages(cache.length + 1) for cache in caches])
        ends = np.cumsum(pages)
        self._pages, self._offsets, self._last = pages, ends - pages, ends - 1
        slots = np.array([cache.length % PAGE for cache in caches])
        beyond_BS = np.arange(PAGE)[None, :] > slots[:, None]
        self._tail = np.where(beyond_BS, -np.inf, 0.0).astype(np.float32)[:, None, None, :]
        self._rows = [
            (cache, int(token), int(end - count), int(end), int(count), int(slot))
            for cache, token, end, count, slot in zip(caches, tokens, ends, pages, slots, strict=True)
        ]

    def attend(self, layer: int, queries: Floats, keys: Floats, values: Floats, out: Floats) -> None:
        scores_PKGS = np.empty((int(self._last[-1]) + 1, *queries.shape[1:3], PAGE), np.float32)
        for cache, token, first, end, pages, slot in self._rows:
            keys_PKDS = cache.keys[layer]
            keys_PKDS[pages - 1, :, :, slot] = keys[token]
            cache.values[layer, pages - 1, :, slot] = values[token]
            np.matmul(queries[token], keys_PKDS[:pages], out=scores_PKGS[first:end])
        scores_PKGS[self._last] += self._tail
        total_BKG = self._exponentials(scores_PKGS)
        parts_PKGD = np.empty((*scores_PKGS.shape[:3], queries.shape[3]), np.float32)
        for cache, _, first, end, pages, _ in self._rows:
            np.matmul(scores_PKGS[first:end], cache.values[layer, :pages], out=parts_PKGD[first:end])
        out[self._tokens] = np.add.reduceat(parts_PKGD, self._offsets, axis=0) / total_BKG[..., None]

    def _exponentials(self, scores_PKGS: Floats) -> Floats:
        """Replace the scores by exp(score - the row's maximum); return the row's sums."""
        highest_BKG = np.maximum.reduceat(scores_PKGS.max(axis=-1), self._offsets, axis=0)
        scores_PKGS -= np.repeat(highest_BKG, self._pages, axis=0)[..., None]
        np.exp(scores_PKGS, out=scores_PKGS)
        totals: Floats = np.add.reduceat(scores_PKGS.sum(axis=-1), self._offsets, axis=0)
        return totals


@dataclass(slots=True)
class _Prefill:
    """A row with several new tokens."""

    cache: PagedCache
    first: int
    count: int

    def attend(self, layer: int, queries: Floats, keys: Floats, values: Floats, out: Floats) -> None:
        rows, start, count = slice(self.first, self.first + self.count), self.cache.length, self.count
        self._store(layer, keys[rows], values[rows])
        pages, first_page = _pages(start + count), start // PAGE
        _, kv_heads, group, head_dim = queries.shape
        queries_KGTD = np.ascontiguousarray(queries[rows].transpose(1, 2, 0, 3))
        queries_KQD = queries_KGTD.reshape(kv_heads, group * count, head_dim)
        scores_PKQS = np.matmul(queries_KQD, self.cache.keys[layer, :pages])
        hidden_PTS = self._hidden(first_page, pages)
        new_PKGTS = scores_PKQS.reshape(pages, kv_heads, group, count, PAGE)[first_page:]
        new_PKGTS += hidden_PTS[:, None, None]
        scores_PKQS -= scores_PKQS.max(axis=(0, 3))[None, :, :, None]
        np.exp(scores_PKQS, out=scores_PKQS)
        total_KQ = scores_PKQS.sum(axis=-1).sum(axis=0)
        out_KQD = np.matmul(scores_PKQS, self.cache.values[layer, :pages]).sum(axis=0) / total_KQ[..., None]
        out[rows] = out_KQD.reshape(kv_heads, group, count, head_dim).transpose(2, 0, 1, 3)

    def _hidden(self, first_page: int, pages: int) -> Floats:
        """-inf where a position is later than the query, over the pages that hold new tokens."""
        positions_PS = np.arange(first_page * PAGE, pages * PAGE).reshape(-1, PAGE)
        asking_T = self.cache.length + np.arange(self.count)
        later_PTS = positions_PS[:, None, :] > asking_T[None, :, None]
        return np.where(later_PTS, np.float32(-np.inf), np.float32(0.0))

    def _store(self, layer: int, keys_TKD: Floats, values_TKD: Floats) -> None:
        stored = 0
        while stored < self.count:
            page, slot = divmod(self.cache.length + stored, PAGE)
            end = min(self.count, stored + PAGE - slot)
            slots = slice(slot, slot + end - stored)
            self.cache.keys[layer, page, :, :, slots] = keys_TKD[stored:end].transpose(1, 2, 0)
            self.cache.values[layer, page, :, slots] = values_TKD[stored:end].transpose(1, 0, 2)
            stored = end

"""Keys and values of one context in pages of float32, and attention of ragged batches over them, on the CPU.

With one query per context, attention is bound by memory. Keys lie transposed in pages of ``PAGE`` positions,
so that both products of attention are row-major matrix products that stream a context once, without padding:
two to four times faster than attention over one padded tensor. Those products are numpy's, whose calls cost a
fraction of torch's; several new tokens of a context go to torch's flash attention.
Axes: T new tokens of all contexts, B contexts, P pages, K kv heads, G queries per kv head, H = K·G heads,
D head_dim, S slots of a page, L positions of a context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

PAGE = 64

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class PagedCache:
    """Keys and values of the first ``length`` tokens of one context, in every layer."""

    def __init__(self, *, layers: int, kv_heads: int, head_dim: int) -> None:
        self.length = 0
        self.keys: Floats = np.zeros((layers, kv_heads, 0, head_dim, PAGE), np.float32)
        self.values: Floats = np.zeros((layers, kv_heads, 0, PAGE, head_dim), np.float32)

    def reserve(self, length: int) -> None:
        """Make room for ``length`` tokens; grows by half, so that a long context is rarely copied."""
        pages, held = page_count(length), self.keys.shape[2]
        if pages > held:
            room = max(pages, held + held // 2)
            self.keys, self.values = _resized(self.keys, held, room), _resized(self.values, held, room)

    def truncate(self, length: int) -> None:
        """Forget what was computed after the first ``length`` tokens."""
        self.length = min(self.length, length)

    def copy(self) -> PagedCache:
        """The same context, to be continued apart."""
        twin = PagedCache.__new__(PagedCache)
        pages = page_count(self.length)
        twin.length = self.length
        twin.keys, twin.values = _resized(self.keys, pages, pages + 1), _resized(
            self.values, pages, pages + 1
        )
        return twin


def page_count(length: int) -> int:
    """Pages that hold ``length`` tokens."""
    return -(-length // PAGE)


def _resized(array: Floats, used: int, pages: int) -> Floats:
    """Room for ``pages``; zeros, not garbage, since a weight of 0 times NaN is NaN."""
    resized = np.zeros((*array.shape[:2], pages, *array.shape[3:]), np.float32)
    resized[:, :, :used] = array[:, :, :used]
    return resized


class RaggedAttention:
    """Causal attention of one forward: row i brings ``counts[i]`` new tokens to ``caches[i]``.

    What depends on lengths alone is prepared once and used by every layer.
    """

    def __init__(self, caches: Sequence[PagedCache], counts: Sequence[int]) -> None:
        for cache, count in zip(caches, counts, strict=True):
            cache.reserve(cache.length + count)
        firsts = np.cumsum([0, *counts])
        single = [i for i, count in enumerate(counts) if count == 1]
        self._decode = _Decode([caches[i] for i in single], firsts[single]) if single else None
        self._prefills = [
            _Prefill(caches[i], int(firsts[i]), count) for i, count in enumerate(counts) if count > 1
        ]

    def __call__(self, layer: int, queries_THD: Tensor, keys_TKD: Tensor, values_TKD: Tensor) -> Tensor:
        """Store the new keys and values; return [T, H, D]. The queries are scaled already."""
        out_THD = torch.empty_like(queries_THD)
        if self._decode is not None:
            self._decode.attend(layer, *(x.numpy() for x in (queries_THD, keys_TKD, values_TKD, out_THD)))
        for prefill in self._prefills:
            prefill.attend(layer, queries_THD, keys_TKD, values_TKD, out_THD)
        return out_THD


class _Decode:
    """The contexts with one new token: two matrix products for each, one softmax for all."""

    def __init__(self, caches: Sequence[PagedCache], tokens_B: Ints) -> None:
        self._tokens_B = tokens_B
        pages_B = np.array([page_count(cache.length + 1) for cache in caches])
        ends_B = np.cumsum(pages_B)
        self._pages_B, self._firsts_B, self._last_B = pages_B, ends_B - pages_B, ends_B - 1
        slots_B = np.array([cache.length % PAGE for cache in caches])
        beyond_BS = np.arange(PAGE)[None, :] > slots_B[:, None]
        self._tail_B11S = np.where(beyond_BS, -np.inf, 0.0).astype(np.float32)[:, None, None, :]
        numbers = (array.tolist() for array in (tokens_B, self._firsts_B, ends_B, pages_B, slots_B))
        self._rows = list(zip(caches, *numbers, strict=True))

    def attend(self, layer: int, queries_THD: Floats, keys: Floats, values: Floats, out_THD: Floats) -> None:
        tokens, kv_heads, head_dim = keys.shape
        queries_TK1GD = queries_THD.reshape(tokens, kv_heads, 1, -1, head_dim)
        group = queries_TK1GD.shape[3]
        scores_PKGS = np.empty((int(self._last_B[-1]) + 1, kv_heads, group, PAGE), np.float32)
        scores_KPGS = scores_PKGS.transpose(1, 0, 2, 3)
        for cache, token, first, end, pages, slot in self._rows:
            keys_KPDS = cache.keys[layer]
            keys_KPDS[:, pages - 1, :, slot] = keys[token]
            cache.values[layer, :, pages - 1, slot] = values[token]
            np.matmul(queries_TK1GD[token], keys_KPDS[:, :pages], out=scores_KPGS[:, first:end])
        scores_PKGS[self._last_B] += self._tail_B11S
        total_BKG1 = self._exponentials(scores_PKGS)
        parts_PKGD = np.empty((len(scores_PKGS), kv_heads, group, head_dim), np.float32)
        parts_KPGD = parts_PKGD.transpose(1, 0, 2, 3)
        for cache, _, first, end, pages, _ in self._rows:
            np.matmul(scores_KPGS[:, first:end], cache.values[layer, :, :pages], out=parts_KPGD[:, first:end])
        sums_BKGD = np.add.reduceat(parts_PKGD, self._firsts_B, axis=0)
        out_THD[self._tokens_B] = (sums_BKGD / total_BKG1).reshape(len(self._rows), -1, head_dim)

    def _exponentials(self, scores_PKGS: Floats) -> Floats:
        """Replace the scores by exp(score - the context's maximum); return the contexts' sums."""
        highest_BKG = np.maximum.reduceat(scores_PKGS.max(axis=-1), self._firsts_B, axis=0)
        scores_PKGS -= np.repeat(highest_BKG, self._pages_B, axis=0)[..., None]
        np.exp(scores_PKGS, out=scores_PKGS)
        total_BKG = np.add.reduceat(scores_PKGS.sum(axis=-1), self._firsts_B, axis=0)
        return total_BKG[..., None]


@dataclass(slots=True)
class _Prefill:
    """A context with several new tokens, the first of them at ``first`` in the batch."""

    cache: PagedCache
    first: int
    count: int

    def attend(
        self, layer: int, queries_THD: Tensor, keys_TKD: Tensor, values_TKD: Tensor, out_THD: Tensor
    ) -> None:
        rows, start = slice(self.first, self.first + self.count), self.cache.length
        new_keys, new_values = keys_TKD[rows], values_TKD[rows]
        self._store(layer, new_keys.numpy(), new_values.numpy())
        if start == 0:
            keys_KLD, values_KLD, mask_TL = new_keys.transpose(0, 1), new_values.transpose(0, 1), None
        else:
            keys_KLD, values_KLD = self._context(layer)
            mask_TL = torch.ones(self.count, start + self.count, dtype=torch.bool).tril(start)
        attended_1HTD = scaled_dot_product_attention(
            queries_THD[rows].transpose(0, 1)[None],
            keys_KLD[None],
            values_KLD[None],
            attn_mask=mask_TL,
            is_causal=mask_TL is None,
            scale=1.0,
            enable_gqa=True,
        )
        out_THD[rows] = attended_1HTD[0].transpose(0, 1)

    def _context(self, layer: int) -> tuple[Tensor, Tensor]:
        length = self.cache.length + self.count
        pages = page_count(length)
        keys_KPSD = torch.from_numpy(self.cache.keys[layer, :, :pages]).transpose(2, 3)
        values_KPSD = torch.from_numpy(self.cache.values[layer, :, :pages])
        return keys_KPSD.flatten(1, 2)[:, :length], values_KPSD.flatten(1, 2)[:, :length]

    def _store(self, layer: int, keys_TKD: Floats, values_TKD: Floats) -> None:
        stored = 0
        while stored < self.count:
            page, slot = divmod(self.cache.length + stored, PAGE)
            end = min(self.count, stored + PAGE - slot)
            slots = slice(slot, slot + end - stored)
            self.cache.keys[layer, :, page, :, slots] = keys_TKD[stored:end].transpose(1, 2, 0)
            self.cache.values[layer, :, page, slots] = values_TKD[stored:end].transpose(1, 0, 2)
            stored = end

"""The grid as tables: what each aid is worth with the others pooled, and every cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import add

from dreamgym.training.grounding.grid import Cell
from dreamgym.training.grounding.measuring import Counts
from dreamgym.training.grounding.records import Results

Share = Callable[[Counts], tuple[int, int]]
SHARES: dict[str, Share] = {
    "next state exact": lambda c: (c.exact, c.turns),
    "invalid recognised": lambda c: (c.recognised, c.invalid),
    "reward false positives": lambda c: (c.false_positive, c.unpaid),
    "reward false negatives": lambda c: (c.false_negative, c.paid),
    "whole episodes consistent": lambda c: (c.whole, c.episodes),
}
TOKENS = "tokens a turn"
FACTORS: dict[str, Callable[[Cell], str]] = {
    "sheet": lambda cell: cell.sheet.value,
    "reasoning": lambda cell: "on" if cell.reasoning else "off",
    "history": lambda cell: "all" if cell.history is None else str(cell.history),
    "retrieval": lambda cell: cell.retrieval.value,
}


def factor_table(results: Results) -> list[list[str]]:
    """A line per factor and level, all other cells of the grid pooled; quotes apart."""
    lines = [["factor", "level", *SHARES, TOKENS]]
    for factor, level_of in FACTORS.items():
        levels: dict[str, list[Sequence[Counts]]] = {}
        for cell, counts in results.by_cell().items():
            if not cell.quotes:
                levels.setdefault(level_of(cell), []).append(counts)
        lines += [[factor, level, *_cells(_seedwise(counts))] for level, counts in levels.items()]
    if quotes := [counts for cell, counts in results.by_cell().items() if cell.quotes]:
        lines.append(["quotes", "as shipped", *_cells(_seedwise(quotes))])
    return lines


def grid_table(results: Results) -> list[list[str]]:
    """A line per cell."""
    lines = [[*FACTORS, *SHARES, TOKENS]]
    for cell, counts in results.by_cell().items():
        named = [level_of(cell) for level_of in FACTORS.values()]
        if cell.quotes:
            named[2] = "quotes"
        lines.append([*named, *_cells(counts)])
    return lines


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table of docs/."""
    head, *rest = lines
    rows = [head, ["---"] * len(head), *rest]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _seedwise(cells: Sequence[Sequence[Counts]]) -> list[Counts]:
    """Counts of many cells, added up seed by seed."""
    return [reduce(add, of_seed) for of_seed in zip(*cells, strict=False)]


def _cells(counts: Sequence[Counts]) -> Iterator[str]:
    """The shares over all seeds with the lowest and the highest of a seed, then tokens a turn."""
    pooled = reduce(add, counts)
    for share in SHARES.values():
        each = [hits / of for hits, of in map(share, counts) if of]
        hits, of = share(pooled)
        spread = f" ({100 * min(each):.1f} to {100 * max(each):.1f})" if len(each) > 1 else ""
        yield f"{100 * hits / of:.1f} %{spread}" if of else "–"
    yield f"{pooled.tokens / pooled.dreamed_turns:,.0f}" if pooled.dreamed_turns else "–"

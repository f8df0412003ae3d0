"""The grid: retrieval × reasoning × sheet × history, and beside it the form of quotes that ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Literal

from dreamgym.core.config import ReasoningModelConfig

HISTORIES: tuple[int | None, ...] = (0, 2, None)


class Retrieval(StrEnum):
    """Whose neighbours the dream reads, two a turn."""

    OFF = "off"
    HASHING = "hashing"
    MINILM = "minilm"


class Hidden(StrEnum):
    """Where the sheet of hidden state comes from."""

    OFF = "off"
    IMAGINED = "imagined"
    GIVEN = "given"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelForm:
    """What an experience model is fitted to read and to write; any retrieval and any history of the grid."""

    context: Literal["quotes", "sheet", "history"]
    reasoning: bool

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.context if self.reasoning else f"{self.context}-no-reasoning"

    def settings(self, *, top_k: int, history: int | None) -> ReasoningModelConfig:
        """The settings by which it is fitted or read."""
        return ReasoningModelConfig(
            context=self.context, reasoning=self.reasoning, top_k=top_k, history=history
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One way to ground the dream. ``history`` counts turns, None is all of them; quotes read none."""

    retrieval: Retrieval
    reasoning: bool
    sheet: Hidden
    history: int | None
    quotes: bool = False

    @property
    def form(self) -> ModelForm:
        """The model that is asked."""
        if self.quotes:
            return ModelForm(context="quotes", reasoning=True)
        return ModelForm(context="history" if self.sheet is Hidden.OFF else "sheet", reasoning=self.reasoning)


def grid(retrievals: Sequence[Retrieval] = tuple(Retrieval)) -> list[Cell]:
    """Every cell, those of quotes last."""
    full = [
        Cell(retrieval=retrieval, reasoning=reasoning, sheet=sheet, history=history)
        for sheet, reasoning, history, retrieval in product(Hidden, (False, True), HISTORIES, retrievals)
    ]
    shipped = [
        Cell(retrieval=retrieval, reasoning=True, sheet=sheet, history=0, quotes=True)
        for sheet, retrieval in product((Hidden.IMAGINED, Hidden.GIVEN), retrievals)
    ]
    return [*full, *shipped]


def forms(cells: Sequence[Cell]) -> list[ModelForm]:
    """The models that ``cells`` need, each once."""
    return list(dict.fromkeys(cell.form for cell in cells))

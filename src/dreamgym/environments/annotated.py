"""A real turn as the experience model learns it (Eq. 5): with the sheet before it and the true answer."""

from __future__ import annotations

from dataclasses import dataclass

from dreamgym.core.data_structures import Sheet
from dreamgym.models.dream_format import Answer, Quote
from dreamgym.models.sheet import AT, HAND, UNSEEN, place_of, value_of


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnotatedTurn:
    """A real turn with the sheet before it, the keys its reasoning quotes, and the true answer.

    ``first_look`` is the place that the turn shows for the first time, of which nobody could know; or empty.
    ``shown`` names what had been shown before the turn: places, and ``in`` places for what lies in them.
    ``told`` are quotes whose text a teacher has written, not a sheet. ``written`` is the answer as a
    model with a sheet writes it, where it names what stands elsewhere (``models.shown_lines``).
    """

    sheet: Sheet
    action: str
    quotes: tuple[str, ...]
    answer: Answer
    turn: int
    first_look: str = ""
    shown: frozenset[str] = frozenset()
    told: tuple[Quote, ...] = ()
    written: Answer | None = None

    @property
    def known(self) -> Sheet:
        """The sheet as far as the observations before this turn tell it: all that a history can be asked."""
        facts = {AT: value_of(self.sheet, AT) or UNSEEN}
        for key, value in self.sheet.facts:
            place = place_of(value)
            if place is None:
                seen = key in (AT, HAND) or not self.shown.isdisjoint((key, f"in {key}"))
                facts[key] = value if seen else UNSEEN
            elif place == HAND or f"in {place}" in self.shown:
                facts[key] = value
        return Sheet(facts=tuple(facts.items()))

"""Fields of a JSON record, each of the type that is wanted or refused by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamgym.core.errors import DataError


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields of ``data``; an error names ``where`` it is. All raise ``DataError``."""

    data: Mapping[str, Any]
    where: str

    def string(self, name: str) -> str:
        """A text that must be there."""
        value = self.data.get(name)
        if not isinstance(value, str):
            raise DataError(f"{self.where}: {name} is {value!r:.60}, wanted a text")
        return value

    def optional(self, name: str) -> str:
        """A text, empty where there is none."""
        return self.string(name) if self.data.get(name) is not None else ""

    def strings(self, name: str) -> list[str]:
        """A list of texts."""
        value = self.data.get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise DataError(f"{self.where}: {name} is {value!r:.60}, wanted a list of texts")
        return value

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object."""
        value = self.data.get(name)
        if not isinstance(value, dict):
            raise DataError(f"{self.where}: {name} is {value!r:.60}, wanted an object")
        return value

    def filled(self, name: str) -> str:
        """A text that must be there and not be blank: a blank one is in every text."""
        if not self.string(name).strip():
            raise DataError(f"{self.where}: {name} is empty, wanted a text")
        return self.string(name)

    def word(self, name: str) -> str | None:
        """A text or a number, as a text; None where there is none."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, str | int | float):
            raise DataError(f"{self.where}: {name} is {value!r:.60}, wanted a text")
        return None if value is None else str(value)

    def words(self, name: str) -> tuple[str, ...]:
        """One text or number or several, as the files have it either way, none of them blank."""
        value = self.data.get(name)
        several = value if isinstance(value, list) else [] if value is None else [value]
        if not all(isinstance(item, str | int | float) and str(item).strip() for item in several):
            raise DataError(f"{self.where}: {name} is {value!r:.60}, wanted a text or a list of texts")
        return tuple(map(str, several))

    def fields_of_each(self, name: str) -> list[Fields]:
        """A list of objects, at least one."""
        value = self.data.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            raise DataError(f"{self.where}: {name} is {value!r:.60}, wanted a list of objects")
        return [Fields(item, f"{self.where}.{name}[{number}]") for number, item in enumerate(value)]

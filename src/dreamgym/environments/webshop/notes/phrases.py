"""The fixed stretches of a generated shop's texts, one token each, and the names that answers are made of."""

from __future__ import annotations

from dreamgym.environments.webshop.notes.facts import BACK, BACK_PAGE
from dreamgym.environments.webshop.notes.rules import CLICKED, KEYS
from dreamgym.environments.webshop.pages import PHRASES as SHOWN
from dreamgym.models.sheet import AT, HAND
from dreamgym.models.shown_lines import VIEW
from dreamgym.models.spoken import named

_NAMES = (*KEYS, CLICKED, *map(named, (VIEW, AT, HAND, BACK, BACK_PAGE)))
PHRASES = (*SHOWN, *(f" {name}" for name in _NAMES))

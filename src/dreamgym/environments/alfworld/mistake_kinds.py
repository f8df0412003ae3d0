"""The kinds of mistakes by name, and how often each is made."""

from __future__ import annotations

from collections.abc import Callable

from dreamgym.environments.alfworld import wrong_deeds, wrong_names, wrong_words
from dreamgym.environments.alfworld.situation import Situation

KINDS: dict[str, Callable[[Situation], str]] = {
    "no_such_place": wrong_names.no_such_place,
    "place_number": wrong_names.place_number,
    "no_such_thing": wrong_names.no_such_thing,
    "thing_number": wrong_names.thing_number,
    "take_from_absent_place": wrong_names.take_from_absent_place,
    "thing_elsewhere": wrong_names.thing_elsewhere,
    "wanted_elsewhere": wrong_names.wanted_elsewhere,
    "take_remotely": wrong_names.take_remotely,
    "wrong_source": wrong_names.wrong_source,
    "inside_closed": wrong_names.inside_closed,
    "unseen_in_closed": wrong_names.unseen_in_closed,
    "hands_full": wrong_deeds.hands_full,
    "hands_empty": wrong_deeds.hands_empty,
    "treat_not_held": wrong_deeds.treat_not_held,
    "hold_something_else": wrong_deeds.hold_something_else,
    "place_closed": wrong_deeds.place_closed,
    "move_remotely": wrong_deeds.move_remotely,
    "cannot_contain": wrong_deeds.cannot_contain,
    "not_openable": wrong_deeds.not_openable,
    "already_open": wrong_deeds.already_open,
    "already_closed": wrong_deeds.already_closed,
    "open_remotely": wrong_deeds.open_remotely,
    "already_here": wrong_deeds.already_here,
    "wrong_device": wrong_deeds.wrong_device,
    "device_elsewhere": wrong_deeds.device_elsewhere,
    "no_such_device": wrong_deeds.no_such_device,
    "not_treatable": wrong_deeds.not_treatable,
    "no_switch": wrong_deeds.no_switch,
    "lamp_elsewhere": wrong_deeds.lamp_elsewhere,
    "examine_elsewhere": wrong_names.examine_elsewhere,
    "take_fixed": wrong_names.take_fixed,
    "slice_without_knife": wrong_deeds.slice_without_knife,
    "stale": wrong_words.stale,
    "old_phrase": wrong_words.old_phrase,
    "malformed": wrong_words.malformed,
}

OFTEN = (  # what policies do most, and what exploited a dream that had not seen it
    "no_such_place",
    "place_number",
    "no_such_thing",
    "thing_number",
    "thing_elsewhere",
    "wanted_elsewhere",
    "hands_empty",
    "treat_not_held",
    "malformed",
)
SITUATIONAL = (  # possible in few states, so made there more often: else the data would hardly hold them
    "inside_closed",
    "unseen_in_closed",
    "hands_full",
    "hold_something_else",
    "place_closed",
    "cannot_contain",
    "already_open",
    "already_closed",
    "device_elsewhere",
    "not_treatable",
)
WEIGHTS = {kind: 8 if kind in SITUATIONAL else 3 if kind in OFTEN else 1 for kind in KINDS}

"""Mistakes of speech: stale, outdated and malformed commands."""

from __future__ import annotations

from dreamgym.environments.alfworld.situation import Situation

OTHER_VERBS = ("throw", "walk to", "pick up", "get", "turn on", "wash", "grab")
VERBS = ("go to", "open", "close", "take", "move", "heat", "cool", "clean", "use", "examine", "slice")
PREPOSITIONS = ("from", "to", "with")
WRONG_WORDS = (
    "dance",
    "hello",
    "help me",
    "think",
    "ok",
    "search the room",
    "look around",
    "find it",
    "wait",
)


def stale(s: Situation) -> str:
    """What worked some turns ago."""
    return s.one(s.past)


def old_phrase(s: Situation) -> str:
    """The phrase of older versions: put ... in/on ..."""
    thing = s.truth.held or s.one(s.things())
    return f"{s.one(('put', 'place'))} {thing} {s.one(('in/on', 'in', 'on', 'to'))} {s.anywhere}"


def malformed(s: Situation) -> str:
    """A well-formed command, damaged."""
    words = _command(s).split()
    at = int(s.rng.random() * len(words))
    verb = 2 if words[0] == "go" else 1
    return s.one(
        (
            " ".join(words[:at] + words[at + 1 :]),  # a word is missing
            " ".join(words[: at + 1] + words[at:]),  # or doubled
            " ".join(words[:verb] + words),  # a stutter: go to go to shelf 1
            " ".join(words[:at]),  # the rest is missing
            " ".join(reversed(words)),
            " ".join([*words, s.one(words)]),
            " ".join([s.one(VERBS), *words[verb:]]),
            " ".join(s.one(PREPOSITIONS) if word in PREPOSITIONS else word for word in words),
            " ".join([*words[:verb], s.one(("look", "inventory", "help", s.one(s.things())))]),
            words[0],
            " ".join(words[verb:]),
            f"{s.one(OTHER_VERBS)} {s.one((s.one(s.things()), s.anywhere))}",
            s.one(WRONG_WORDS),
        )
    )


def _command(s: Situation) -> str:
    thing, place = s.truth.held or s.one(s.things()), s.anywhere
    here = s.truth.here or place
    return s.one(
        (
            f"go to {place}",
            f"open {here}",
            f"take {thing} from {here}",
            f"move {thing} to {here}",
            f"{s.one(('heat', 'cool', 'clean'))} {thing} with {here}",
            f"use {thing}",
            f"examine {here}",
        )
    )

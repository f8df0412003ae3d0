"""Mistakes of speech: stale, outdated and malformed commands."""

from __future__ import annotations

from dreamgym.environments.alfworld.situation import Situation

OTHER_VERBS = ("throw", "walk to", "pick up", "get", "turn on", "wash", "grab")
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
    thing, place = s.truth.held or s.one(s.things()), s.anywhere
    words = s.one(
        (f"go to {place}", f"take {thing} from {place}", f"move {thing} to {place}", f"open {place}")
    ).split()
    at = int(s.rng.random() * len(words))
    return s.one(
        (
            " ".join(words[:at] + words[at + 1 :]),  # a word is missing
            " ".join(words[: at + 1] + words[at:]),  # or doubled
            " ".join(words[:at]),  # the rest is missing
            " ".join(reversed(words)),
            " ".join([*words, s.one(words)]),
            " ".join(words[:-1]),  # no number
            words[0],
            " ".join(words[: at + 1] + words),  # a stutter: go to go to shelf 1
            " ".join(s.one(PREPOSITIONS) if word in PREPOSITIONS else word for word in words),
            f"{words[0]} {s.one(('look', 'inventory', 'help', thing))}",
            thing,
            place,
            f"{s.one(OTHER_VERBS)} {s.one((thing, place))}",
            s.one(WRONG_WORDS),
        )
    )

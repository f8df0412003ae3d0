"""The words that the sites are made of: few and common, so that a small model can learn to dream them.

From world ``FIRST_MIXED`` on they have changed places, so that who learns there has to read: the customer may
live in "bread" and look for a "madrid lamp". What the pages themselves are made of stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from random import Random

from dreamgym.utils.draws import choose, shuffled
from dreamgym.utils.seeds import derive_seed

CATEGORIES = ("kitchen", "garden", "office", "toys")
FORUMS = ("books", "music", "travel", "food")
STATUSES = ("pending", "shipped", "canceled")
MONTHS = ("january", "february", "march", "april", "may", "june")
ADMIN, ADMIN_PASSWORD = "admin", "castle"
FIRST_MIXED, LAST_WORLD = 200_000, 999_999
SHORTEST = 3  # letters of a word that changes its place


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What a world's rows and tasks are made of; ``first_order`` is the id of the first order."""

    colours: Sequence[str]
    nouns: Mapping[str, Sequence[str]]
    people: Sequence[str]
    passwords: Sequence[str]
    cities: Sequence[str]
    things: Mapping[str, Sequence[str]]
    adjectives: Sequence[str]
    occasions: Sequence[str]
    remarks: Sequence[str]
    bios: Sequence[str]
    greetings: Sequence[str]
    first_order: int

    @property
    def every_noun(self) -> tuple[str, ...]:
        """The nouns of all categories."""
        return tuple(noun for nouns in self.nouns.values() for noun in nouns)

    @property
    def phrases(self) -> tuple[str, ...]:
        """What is written in several words."""
        return (*self.remarks, *self.bios, *self.greetings)


USUAL = Words(
    colours=("red", "blue", "green", "white", "black", "brown"),
    nouns={
        "kitchen": ("pan", "cup", "bowl", "plate", "knife"),
        "garden": ("pot", "hose", "rake", "bench", "lantern"),
        "office": ("lamp", "chair", "desk", "clock", "shelf"),
        "toys": ("ball", "kite", "doll", "train", "drum"),
    },
    people=("emma", "noah", "olivia", "liam", "ava", "lucas", "mia", "leo"),
    passwords=("maple", "river", "stone", "cloud", "forest", "harbor"),
    cities=("paris", "london", "rome", "berlin", "oslo", "madrid", "vienna", "lisbon"),
    things={
        "books": ("novel", "poem", "story", "comic", "diary"),
        "music": ("song", "band", "album", "guitar", "piano"),
        "travel": ("beach", "hotel", "train", "island", "museum"),
        "food": ("soup", "bread", "cake", "salad", "cheese"),
    },
    adjectives=("best", "new", "old", "cheap", "strange", "favorite"),
    occasions=("summer", "winter", "today", "beginners", "friends", "weekends"),
    remarks=("thank you", "i agree", "not for me", "very good", "tell me more", "what a surprise"),
    bios=("i like tea", "i paint", "i run every day", "i have two cats", "i read a lot"),
    greetings=("good morning", "hello friends", "a question", "my first post", "what is new", "good news"),
    first_order=1,
)


def words_of(world: int) -> Words:
    """The words of world ``world``."""
    return USUAL if world < FIRST_MIXED else _mixed(world)


@lru_cache(maxsize=256)
def _mixed(world: int) -> Words:
    """The usual words, dealt anew to all places."""
    rng, every_word = Random(derive_seed("words", world)), _movable()
    cards = iter(shuffled(rng, every_word))

    def deal(like: Sequence[str]) -> tuple[str, ...]:
        return tuple(next(cards) for _ in like)

    def phrases(like: Sequence[str]) -> tuple[str, ...]:
        return tuple(" ".join(choose(rng, every_word) for _ in phrase.split()) for phrase in like)

    return Words(
        colours=deal(USUAL.colours),
        nouns={category: deal(nouns) for category, nouns in USUAL.nouns.items()},
        people=deal(USUAL.people),
        passwords=deal(USUAL.passwords),
        cities=deal(USUAL.cities),
        things={forum: deal(things) for forum, things in USUAL.things.items()},
        adjectives=deal(USUAL.adjectives),
        occasions=deal(USUAL.occasions),
        remarks=phrases(USUAL.remarks),
        bios=phrases(USUAL.bios),
        greetings=phrases(USUAL.greetings),
        first_order=1 + int(60 * rng.random()),
    )


@lru_cache(maxsize=1)
def _movable() -> tuple[str, ...]:
    """The words that may change places, each once, in alphabetical order."""
    texts = chain(
        USUAL.colours, USUAL.every_noun, USUAL.people, USUAL.passwords, USUAL.cities,
        *USUAL.things.values(), USUAL.adjectives, USUAL.occasions, USUAL.phrases,
    )  # fmt: skip
    return tuple(sorted({word for text in texts for word in text.split() if len(word) >= SHORTEST}))

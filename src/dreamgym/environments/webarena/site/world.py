"""The rows of the site's database, drawn from a seed: the same seed, the same shop and forum."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from random import Random

from dreamgym.environments.webarena.site.words import FORUMS, MONTHS, STATUSES, Words, words_of
from dreamgym.utils.draws import choose, shuffled
from dreamgym.utils.seeds import derive_seed

ITEMS_PER_CATEGORY = 5
POSTS_PER_FORUM = 5
ORDERS = 7
SCHEMA = """
CREATE TABLE person (name TEXT PRIMARY KEY, password TEXT, city TEXT, bio TEXT);
CREATE TABLE login (site TEXT PRIMARY KEY, person TEXT);
CREATE TABLE item (
  id INTEGER PRIMARY KEY, name TEXT UNIQUE, category TEXT, cents INTEGER, stock INTEGER,
  picture TEXT DEFAULT ''
);
CREATE TABLE review (id INTEGER PRIMARY KEY, item INTEGER, author TEXT, stars INTEGER, text TEXT);
CREATE TABLE cart (item INTEGER PRIMARY KEY, quantity INTEGER);
CREATE TABLE purchase (id INTEGER PRIMARY KEY, person TEXT, status TEXT, month TEXT, note TEXT DEFAULT '');
CREATE TABLE line (purchase INTEGER, item INTEGER, quantity INTEGER, cents INTEGER);
CREATE TABLE sale (month TEXT PRIMARY KEY, sold INTEGER);
CREATE TABLE post (id INTEGER PRIMARY KEY, forum TEXT, author TEXT, title TEXT, body TEXT, votes INTEGER);
CREATE TABLE comment (id INTEGER PRIMARY KEY, post INTEGER, author TEXT, text TEXT);
CREATE TABLE vote (post INTEGER PRIMARY KEY);
"""


@lru_cache(maxsize=256)
def world_bytes(seed: int) -> bytes:
    """The database of world ``seed`` as SQLite stores it."""
    with sqlite3.connect(":memory:") as db:
        db.executescript(SCHEMA)
        fill(db, Random(derive_seed("site", seed)), words_of(seed))
        db.commit()
        stored = db.serialize()
    db.close()
    return stored


def open_world(seed: int) -> sqlite3.Connection:
    """A database of its own, in memory, as world ``seed`` begins."""
    db = sqlite3.connect(":memory:", check_same_thread=False)  # the site's threads take turns with a lock
    db.deserialize(world_bytes(seed))
    db.row_factory = sqlite3.Row
    return db


def fill(db: sqlite3.Connection, rng: Random, words: Words) -> None:
    """Everything that a world begins with, in ``words``."""
    people = shuffled(rng, words.people)[:4]
    _put(
        db,
        "person (name, password, city, bio)",
        [
            (name, choose(rng, words.passwords), choose(rng, words.cities), choose(rng, words.bios))
            for name in people
        ],
    )
    _fill_shop(db, rng, words, people)
    _fill_forum(db, rng, words, people)


def _fill_shop(db: sqlite3.Connection, rng: Random, words: Words, people: Sequence[str]) -> None:
    items = []
    for category, nouns in words.nouns.items():
        names = [f"{colour} {noun}" for colour in words.colours for noun in nouns]
        items += [(name, category) for name in shuffled(rng, names)[:ITEMS_PER_CATEGORY]]
    prices = shuffled(rng, range(4, 80))  # all different, so that there is one cheapest
    rows = [
        (
            number,
            name,
            category,
            100 * prices[number] + 50 * int(2 * rng.random()),
            1 + int(30 * rng.random()),
        )
        for number, (name, category) in enumerate(shuffled(rng, items), start=1)
    ]
    _put(db, "item (id, name, category, cents, stock)", rows)
    for number in shuffled(rng, range(1, len(rows) + 1))[:8]:
        review = (number, choose(rng, people), 1 + int(5 * rng.random()), choose(rng, words.remarks))
        _put(db, "review (item, author, stars, text)", [review])
    # The first two people have a pending order each, whatever is drawn.
    owners = [people[0], people[1], people[0], *(choose(rng, people) for _ in range(ORDERS - 3))]
    for number, owner in enumerate(owners, start=words.first_order):
        status = "pending" if number < words.first_order + 2 else choose(rng, STATUSES)
        _put(db, "purchase (id, person, status, month)", [(number, owner, status, choose(rng, MONTHS))])
        for item in shuffled(rng, range(1, len(rows) + 1))[: 1 + int(2 * rng.random())]:
            _put(
                db,
                "line (purchase, item, quantity, cents)",
                [(number, item, 1 + int(3 * rng.random()), rows[item - 1][3])],
            )
    sold = shuffled(rng, range(5, 60))
    _put(db, "sale (month, sold)", list(zip(MONTHS, sold, strict=False)))


def _fill_forum(db: sqlite3.Connection, rng: Random, words: Words, people: Sequence[str]) -> None:
    number = 0
    for forum in FORUMS:
        titles = [
            f"{a} {t} for {o}" for a in words.adjectives for t in words.things[forum] for o in words.occasions
        ]
        votes = shuffled(rng, range(2, 40))
        for title, voted in zip(shuffled(rng, titles)[:POSTS_PER_FORUM], votes, strict=False):
            number += 1
            _put(
                db,
                "post (id, forum, author, title, body, votes)",
                [(number, forum, choose(rng, people), title, choose(rng, words.remarks), voted)],
            )
            comments = [
                (number, choose(rng, people), choose(rng, words.remarks))
                for _ in range(int(3 * rng.random()))
            ]
            _put(db, "comment (post, author, text)", comments)


def _put(db: sqlite3.Connection, columns: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert ``rows``; ``columns`` is a constant of this file."""
    marks = ", ".join("?" * (columns.count(",") + 1))
    db.executemany(f"INSERT INTO {columns} VALUES ({marks})", rows)

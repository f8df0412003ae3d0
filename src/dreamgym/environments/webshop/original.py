"""The original's products and goals, from the user's own copy of its files.

The original draws prices (where a tag is a range) and the goals' price limits from Python's global random
state, so the same goal is another task in the next run. Here they come from one fixed seed of their own.
"""

from __future__ import annotations

import itertools
import json
import lzma
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import ijson

from dreamgym.core.errors import DataError, UnavailableError
from dreamgym.environments.data_folder import level_hint
from dreamgym.environments.webshop.catalogue import Goal, Product
from dreamgym.environments.webshop.product_records import price_range, product_of_record, text_of
from dreamgym.environments.webshop.shop import ORIGINAL, Shop

DATA_VARIABLE = "DREAMGYM_DATA"
PRODUCT_FILES = ("products_1000.jsonl.xz", "items_shuffle_1000.json", "items_shuffle.json")
ATTRIBUTE_FILES = ("items_ins_v2_1000.json", "items_ins_v2.json")
DRAW_SEED, SHUFFLE_SEED = 42, 233  # the second is the original's own
PRICE_LIMITS = tuple(10.0 * ten for ten in range(1, 100))
NO_LIMIT = 1_000_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """The products in file order, and the goals in the order of their numbers."""

    products: tuple[Product, ...]
    goals: tuple[Goal, ...]


def data_folder(data_dir: Path | None = None) -> Path:
    """The folder with the original's files. Raises UnavailableError where nothing names one."""
    folder = data_dir or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if folder is None:
        raise UnavailableError(
            "these are goals of the original WebShop, whose products are not part of this package: set "
            f"{DATA_VARIABLE} or environment.data_dir to the folder that holds webshop/{PRODUCT_FILES[0]} "
            f"or webshop/{PRODUCT_FILES[1]}, and webshop/{ATTRIBUTE_FILES[0]}"
        )
    return folder / "webshop"


@lru_cache(maxsize=2)
def load_original(folder: Path) -> Original:
    """The products and goals in ``folder``. Raises DataError with the file and the record."""
    notes_file, product_file = _existing(folder, ATTRIBUTE_FILES), _existing(folder, PRODUCT_FILES)
    notes = _read_notes(notes_file)
    rng = Random(DRAW_SEED)
    products: dict[str, Product] = {}
    for place, record in _records(product_file):
        try:
            asin = text_of(record, "asin")
            if asin == "nan" or len(asin) > 10 or asin in products:
                continue
            low, *high = price_range(record)
            price = rng.uniform(low, high[0]) if high else low
            products[asin] = product_of_record(record, notes.get(asin, {}), price=price)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{place}: not a WebShop product ({error})") from error
    goals = [goal for product in products.values() for goal in _goals(product, notes, rng)]
    if not goals:
        found = f"no goal can be made of its {len(products)} products" if products else "it holds no product"
        raise DataError(
            f"{product_file}: {found}, wanted some with an instruction and instruction_attributes in "
            f"{notes_file}"
        )
    Random(SHUFFLE_SEED).shuffle(goals)
    return Original(products=tuple(products.values()), goals=tuple(goals))


@lru_cache(maxsize=2)
def original_shop(folder: Path, show_attributes: bool) -> Shop:
    """The shop of the products in ``folder``."""
    return Shop(load_original(folder).products, ORIGINAL, show_attributes=show_attributes)


def _goals(product: Product, notes: Mapping[str, Mapping[str, object]], rng: Random) -> Iterator[Goal]:
    """One goal for every choice of the product's options, all with the same price limit."""
    note = notes.get(product.asin, {})
    instruction, attributes = note.get("instruction"), note.get("instruction_attributes")
    if not isinstance(instruction, str) or not isinstance(attributes, list) or not attributes:
        return
    limits = [limit for limit in PRICE_LIMITS if limit > product.price][:4]
    limit = max(rng.sample(limits, 2)) if len(limits) >= 2 else NO_LIMIT
    price_text = f", and price lower than {limit:.2f} dollars" if limit < NO_LIMIT else ""
    named = sorted(product.options)
    for values in itertools.product(*(values for _, values in named)):
        options = tuple((name, value) for (name, _), value in zip(named, values, strict=True))
        listed = ", and ".join(f"{name}: {value}" for name, value in options)
        yield Goal(
            asin=product.asin,
            instruction=f"{instruction}{f' with {listed}' if listed else ''}{price_text}",
            title=product.title,
            category=product.category,
            product_category=product.product_category,
            query=product.query,
            attributes=tuple(map(str, attributes)),
            options=options,
            price_upper=limit,
        )


def _existing(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    hint = level_hint(folder, (*PRODUCT_FILES, *ATTRIBUTE_FILES)) or "copy one of them there"
    raise UnavailableError(f"{folder} holds none of {', '.join(names)}: {hint}")


def _read_notes(path: Path) -> dict[str, dict[str, object]]:
    """What is noted of each product: its attributes, and the instruction made from it."""
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if not isinstance(notes, dict) or not all(isinstance(note, dict) for note in notes.values()):
        raise DataError(f"{path}: wanted a JSON object of objects, one for each product")
    return notes


def _records(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The products of a file, one at a time, each with where it stands."""
    number = 0
    try:
        for number, record in enumerate(_read(path), start=1):
            if not isinstance(record, dict):
                raise DataError(f"{path}, product {number}: {type(record).__name__}, wanted a JSON object")
            yield f"{path}, product {number}", record
    except (OSError, lzma.LZMAError, EOFError, ValueError, RecursionError, ijson.JSONError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}, after product {number}: {reason}; is the file damaged?") from error


def _read(path: Path) -> Iterator[object]:
    if path.suffix == ".json":
        with path.open("rb") as file:
            yield from ijson.items(file, "item", use_float=True)
        return
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield record.get("product") if isinstance(record, dict) else record

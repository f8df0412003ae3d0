"""The reward, worked out by hand; the recorded episodes check it in ``test_webshop_parity.py``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamgym.environments.webshop.catalogue import Goal, Product
from dreamgym.environments.webshop.nouns import nouns
from dreamgym.environments.webshop.reward import has_attribute, has_option, score, type_score

GOAL = Goal(
    asin="B01",
    instruction="",
    title="Maple Slim Shirt",
    category="clothing",
    product_category="clothing › men › shirt",
    query="shirt",
    attributes=("machine washable", "long sleeve"),
    options=(("color", "red"), ("size", "x-large")),
    price_upper=30.0,
)
MEANT = Product(
    asin="B01",
    title="Maple Slim Shirt",
    price=30.0,
    price_tag="$30.0",
    product_category="clothing › men › shirt",
    query="shirt",
    attributes=("machine wash", "machine washable", "long sleeves"),
)
CHOSEN = {"color": "red", "size": "x-large"}


@pytest.mark.parametrize(
    ("product", "chosen", "wanted"),
    [
        (MEANT, CHOSEN, 1.0),  # (2 + 2 + 1) / 5
        (replace(MEANT, price=30.01), CHOSEN, 4 / 5),
        (MEANT, {"size": "x-large"}, 4 / 5),
        (MEANT, {}, 3 / 5),
        (replace(MEANT, attributes=()), CHOSEN, 3 / 5),
        (replace(MEANT, attributes=(), description="Machine washable."), CHOSEN, 4 / 5),
        (replace(MEANT, attributes=(), features=("Cut:", "with long sleeves")), CHOSEN, 4 / 5),
        (replace(MEANT, title="River Loose Lamp"), CHOSEN, 0.0),  # no noun in common
    ],
)
def test_what_fits_in_part_is_paid_in_part(product: Product, chosen: dict[str, str], wanted: float) -> None:
    assert score(product, chosen, GOAL).reward == pytest.approx(wanted)


def titled(count: int, shared: int) -> tuple[Goal, Product]:
    """A goal whose title has ``count`` nouns, ``shared`` of them the product's; nothing else in common."""
    words = [f"noun{chr(97 + number)}" for number in range(count)]
    title = " ".join([*words[:shared], "other"])
    product = replace(MEANT, title=title, query="lamp", product_category="home")
    return replace(GOAL, title=" ".join(words)), product


@pytest.mark.parametrize(
    ("count", "shared", "wanted"),
    [(5, 0, 0.0), (11, 1, 0.1), (10, 1, 0.5), (5, 1, 0.5), (4, 1, 1.0), (9, 2, 1.0), (1, 1, 1.0)],
)
def test_the_type_goes_by_the_share_of_common_nouns(count: int, shared: int, wanted: float) -> None:
    """0 for none, 0.1 below a tenth, 0.5 up to a fifth, 1 above."""
    goal, product = titled(count, shared)
    assert type_score(product, goal) == wanted


def test_the_same_query_or_two_common_categories_make_a_doubtful_type_sure() -> None:
    goal, product = titled(10, 1)
    assert type_score(replace(product, query="shirt"), goal) == 1.0
    assert type_score(replace(product, product_category="shirt › clothing"), goal) == 1.0
    assert type_score(replace(product, product_category="clothing › clothing › lamp"), goal) == 0.5
    far, distant = titled(11, 1)
    assert type_score(replace(distant, query="shirt"), far) == 0.1  # but a stranger stays one


def test_a_title_without_nouns_says_nothing() -> None:
    nameless = replace(GOAL, title="The 100")
    assert type_score(replace(MEANT, query="lamp", product_category=""), nameless) == 0.5
    assert type_score(MEANT, nameless) == 1.0


def test_nouns_are_all_but_function_words_and_numbers() -> None:
    title = "Men's 3D V-Neck T-Shirt for You, 100% Cotton (Pack of 2)"
    assert nouns(title) == ("men's", "3d", "v-neck", "t-shirt", "cotton", "pack")


@pytest.mark.parametrize(
    ("chosen", "wanted", "fits"),
    [
        ("red", "red", True),
        ("dark red", "red", False),  # its first colour word by the alphabet is dark
        ("wine red", "red", True),
        ("b-red", "a-red", True),  # red, one of the goal's words
        ("x-large", "x-large", True),
        ("xx-large", "x-large", False),
        ("large", "x-large", True),  # all of its words are among the goal's
        ("x-large (pack of 2)", "x-large", False),
        ("rectangular", "rectangular", False),  # tan
    ],
)
def test_options_are_compared_as_the_original_does(chosen: str, wanted: str, fits: bool) -> None:
    assert has_option({"any": chosen}, "size", wanted) is fits


@pytest.mark.parametrize(
    ("attribute", "wanted", "fits"),
    [
        ("essential oil", "essential oils", True),  # 96 %
        ("long sleeve", "sleeve long", True),
        ("long", "long sleeve", True),
        ("tea bag", "tea tree", False),
        ("café", "caf", True),  # thefuzz drops what is not ASCII
    ],
)
def test_attributes_are_compared_fuzzily(attribute: str, wanted: str, fits: bool) -> None:
    assert has_attribute(replace(MEANT, attributes=(attribute,)), wanted) is fits

"""Tasks of our own site in WebArena's format, made from a world: every evaluator, every part of the site.

A template takes a world, a random state and the world's words and gives a record like those of WebArena's
files; ``world`` is the one field more. What it was filled with is in ``instantiation_dict``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from dreamgym.environments.webarena.site.words import CATEGORIES, FORUMS, STATUSES, Words, words_of
from dreamgym.environments.webarena.site.world import open_world
from dreamgym.utils.draws import choose
from dreamgym.utils.seeds import derive_seed

Record = dict[str, Any]
SHOP, ADMIN, FORUM = "shopping", "shopping_admin", "reddit"
START = {SHOP: "__SHOPPING__", ADMIN: "__SHOPPING_ADMIN__", FORUM: "__REDDIT__"}


def make_record(world: int, template: str) -> Record:
    """The task ``template`` of world ``world``."""
    db = open_world(world)
    try:
        record = TEMPLATES[template](db, Random(derive_seed("task", world, template)), words_of(world))
    finally:
        db.close()
    sites = record["sites"]
    return {
        "task_id": f"{world}:{template}",
        "require_login": record.pop("require_login", True),
        "storage_state": None,
        "start_url": START[sites[0]],
        "geolocation": None,
        "require_reset": False,
        "intent_template_id": template,
        "world": world,
        **record,
    }


def customer(db: sqlite3.Connection) -> str:
    """Who the agent is in the shop and in the forum."""
    return str(db.execute("SELECT name FROM person ORDER BY rowid").fetchone()["name"])


def _record(site: str, intent: str, values: Mapping[str, Any], **evaluation: Any) -> Record:
    filled = intent
    for name, value in values.items():
        filled = filled.replace("{{" + name + "}}", str(value))
    judged = {
        "eval_types": [],
        "reference_answers": None,
        "reference_url": "",
        "program_html": [],
    } | evaluation
    if judged["reference_answers"]:
        judged["eval_types"].append("string_match")
    if judged["reference_url"]:
        judged["eval_types"].append("url_match")
        judged["url_note"] = "GOLD in PRED"
    if judged["program_html"]:
        judged["eval_types"].append("program_html")
    return {
        "sites": [site],
        "intent_template": intent,
        "instantiation_dict": dict(values),
        "intent": filled,
        "eval": judged,
    }


def _html(url: str, locator: str, **wanted: Any) -> Record:
    return {"url": url, "locator": locator, "required_contents": wanted}


def _text(selector: str) -> str:
    return f"document.querySelector('{selector}').outerText"


def _value(name: str) -> str:
    return f"document.querySelector('[name=\"{name}\"]').value"


def _item(db: sqlite3.Connection, rng: Random) -> sqlite3.Row:
    """One whose id is in no other id of the site, as URLs are compared."""
    row: sqlite3.Row = choose(rng, db.execute("SELECT * FROM item WHERE id >= 10 ORDER BY id").fetchall())
    return row


def _post(db: sqlite3.Connection, rng: Random) -> sqlite3.Row:
    row: sqlite3.Row = choose(rng, db.execute("SELECT * FROM post WHERE id >= 10 ORDER BY id").fetchall())
    return row


def _money(cents: int) -> str:
    return f"{cents / 100:.2f}"


def price_of(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """A price, said."""
    item = _item(db, rng)
    answers = {"exact_match": _money(item["cents"])}
    return _record(
        SHOP, "What is the price of the {{item}}?", {"item": item["name"]}, reference_answers=answers
    )


def missing_item(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """A price of something that is not sold: N/A."""
    sold = {row["name"] for row in db.execute("SELECT name FROM item")}
    names = [f"{colour} {noun}" for noun in words.every_noun for colour in words.colours]
    name = choose(rng, [name for name in names if name not in sold])
    return _record(
        SHOP,
        "What is the price of the {{item}}?",
        {"item": name},
        reference_answers={"fuzzy_match": "N/A"},
        string_note=f"the shop has no {name}",
    )


def cheapest(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """The cheapest of a category, said."""
    category = choose(rng, CATEGORIES)
    item = db.execute("SELECT name FROM item WHERE category = ? ORDER BY cents", (category,)).fetchone()
    answers = {"must_include": [item["name"]]}
    intent = "What is the cheapest item in {{category}}?"
    return _record(SHOP, intent, {"category": category}, reference_answers=answers)


def open_item(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """A page of the shop."""
    item = _item(db, rng)
    url = f"__SHOPPING__/item/{item['id']}"
    return _record(SHOP, "Show me the {{item}}.", {"item": item["name"]}, reference_url=url)


def search_for(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """A search."""
    noun = choose(rng, words.every_noun)
    url = f"__SHOPPING__/search?q={noun}"
    return _record(SHOP, "Search the shop for {{noun}}.", {"noun": noun}, reference_url=url)


def fill_cart(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """Some of an item in the cart."""
    item, quantity = _item(db, rng), 2 + int(7 * rng.random())
    checks = [
        _html("__SHOPPING__/cart", _text("#cart"), must_include=[item["name"]]),
        _html("__SHOPPING__/cart", _text("#cart .quantity"), exact_match=str(quantity)),
    ]
    values = {"quantity": quantity, "item": item["name"]}
    return _record(SHOP, "Put {{quantity}} of the {{item}} into the cart.", values, program_html=checks)


def buy(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """An order."""
    item = _item(db, rng)
    url = "func:shopping_get_latest_order_url()"
    checks = [
        _html(url, _text("#order_status"), exact_match="pending"),
        _html(url, _text(".order"), must_include=[f"{item['name']}"]),
        _html(url, "document.querySelectorAll('.order tr').length", exact_match="3"),
    ]
    return _record(SHOP, "Buy the {{item}}.", {"item": item["name"]}, program_html=checks)


def cancel(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """An order of one's own that is canceled."""
    mine = db.execute(
        "SELECT id FROM purchase WHERE person = ? AND status = 'pending' ORDER BY id", (customer(db),)
    ).fetchall()
    number = choose(rng, mine)["id"]
    check = _html(f"__SHOPPING__/orders/{number}", _text("#order_status"), exact_match="canceled")
    return _record(SHOP, "Cancel my order {{order}}.", {"order": number}, program_html=[check])


def move(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """Another city in one's account."""
    now = db.execute("SELECT city FROM person WHERE name = ?", (customer(db),)).fetchone()["city"]
    city = choose(rng, [city for city in words.cities if city != now])
    check = _html("__SHOPPING__/account", _value("city"), exact_match=city)
    return _record(SHOP, "Change the city of my account to {{city}}.", {"city": city}, program_html=[check])


def write_review(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """A review of an item."""
    item, stars, text = _item(db, rng), 1 + int(5 * rng.random()), choose(rng, words.remarks)
    row = "document.querySelector('.reviews tr:last-child')"
    check = _html(
        f"__SHOPPING__/item/{item['id']}", f"{row}.outerText", must_include=[customer(db), str(stars), text]
    )
    values = {"stars": stars, "item": item["name"], "text": text}
    intent = 'Review the {{item}} with {{stars}} stars and the text "{{text}}".'
    return _record(SHOP, intent, values, program_html=[check])


def log_in(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """Somebody's account, with the password."""
    person = choose(rng, db.execute("SELECT * FROM person ORDER BY rowid").fetchall())
    check = _html("__SHOPPING__/account", _text("#person"), exact_match=person["name"])
    values = {"name": person["name"], "password": person["password"]}
    intent = "Log in as {{name}} with the password {{password}}."
    return _record(SHOP, intent, values, program_html=[check]) | {"require_login": False}


def best_month(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """What a chart shows."""
    most = rng.random() < 0.5
    row = db.execute(f"SELECT month FROM sale ORDER BY sold {'DESC' if most else 'ASC'}").fetchone()
    values = {"much": "most" if most else "least"}
    answers = {"exact_match": row["month"]}
    return _record(ADMIN, "In which month did the shop sell the {{much}}?", values, reference_answers=answers)


def count_orders(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """How many orders have a status."""
    status = choose(rng, STATUSES)
    count = db.execute("SELECT count(*) AS n FROM purchase WHERE status = ?", (status,)).fetchone()["n"]
    answers = {"must_include": [str(count)]}
    return _record(ADMIN, "How many orders are {{status}}?", {"status": status}, reference_answers=answers)


def set_price(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """Another price of a product."""
    item, price = _item(db, rng), f"{80 + int(19 * rng.random())}.{choose(rng, ('00', '50'))}"
    check = _html(f"__SHOPPING_ADMIN__/products/{item['id']}", _value("price"), exact_match=price)
    values = {"item": item["name"], "price": price}
    return _record(ADMIN, "Set the price of the {{item}} to {{price}}.", values, program_html=[check])


def set_stock(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """Another stock of a product."""
    item, stock = _item(db, rng), 40 + int(50 * rng.random())
    check = _html(f"__SHOPPING_ADMIN__/products/{item['id']}", _value("stock"), exact_match=str(stock))
    values = {"item": item["name"], "stock": stock}
    return _record(ADMIN, "Set the stock of the {{item}} to {{stock}}.", values, program_html=[check])


def ship(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """An order that is shipped, and its page."""
    number = choose(
        rng, db.execute("SELECT id FROM purchase WHERE status = 'pending' ORDER BY id").fetchall()
    )["id"]
    url = f"__SHOPPING_ADMIN__/orders/{number}"
    check = _html("last", _value("status"), exact_match="shipped")
    kept = _html(url, _value("status"), exact_match="shipped")
    intent = "Mark order {{order}} as shipped."
    return _record(ADMIN, intent, {"order": number}, reference_url=url, program_html=[check, kept])


def submit_post(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """A post in a forum."""
    forum, title = choose(rng, FORUMS), choose(rng, words.greetings)
    url = "func:reddit_get_post_url('__last_url__')"
    check = _html(url, _text(".submission__title"), must_include=[title])
    return _record(
        FORUM,
        'Write a post "{{title}}" in the forum {{forum}}.',
        {"title": title, "forum": forum},
        reference_url=f"__REDDIT__/f/{forum}",
        program_html=[check],
    )


def add_comment(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """A comment on a post."""
    post, text = _post(db, rng), choose(rng, words.greetings)
    check = _html(f"__REDDIT__/f/{post['forum']}/{post['id']}", _text(".comments"), must_include=[text])
    values = {"text": text, "title": post["title"], "forum": post["forum"]}
    intent = 'Comment "{{text}}" on the post "{{title}}" in {{forum}}.'
    return _record(FORUM, intent, values, program_html=[check])


def vote_up(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """A vote for a post."""
    post = _post(db, rng)
    votes = f"{post['votes'] + 1} votes"
    check = _html(f"__REDDIT__/f/{post['forum']}/{post['id']}", _text(".votes"), exact_match=votes)
    values = {"title": post["title"], "forum": post["forum"]}
    return _record(FORUM, 'Vote for the post "{{title}}" in {{forum}}.', values, program_html=[check])


def author_of(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """Who wrote a post, and its page."""
    post = _post(db, rng)
    values = {"title": post["title"], "forum": post["forum"]}
    return _record(
        FORUM,
        'Open the post "{{title}}" in {{forum}} and say who wrote it.',
        values,
        reference_answers={"exact_match": post["author"]},
        reference_url=f"__REDDIT__/f/{post['forum']}/{post['id']}",
    )


def most_votes(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """The post with the most votes, said."""
    forum = choose(rng, FORUMS)
    row = db.execute("SELECT title FROM post WHERE forum = ? ORDER BY votes DESC", (forum,)).fetchone()
    answers = {"must_include": [row["title"]]}
    intent = "Which post in {{forum}} has the most votes?"
    return _record(FORUM, intent, {"forum": forum}, reference_answers=answers)


def set_bio(db: sqlite3.Connection, rng: Random, words: Words) -> Record:
    """Other words about oneself."""
    person = db.execute("SELECT * FROM person ORDER BY rowid").fetchone()
    bio = choose(rng, [bio for bio in words.bios if bio != person["bio"]])
    check = _html(f"__REDDIT__/user/{person['name']}", _text("#bio_text"), exact_match=bio)
    return _record(FORUM, 'Change my profile to "{{bio}}".', {"bio": bio}, program_html=[check])


Template = Callable[[sqlite3.Connection, Random, Words], Record]
TEMPLATES: dict[str, Template] = {
    made.__name__: made
    for made in (
        price_of, missing_item, cheapest, open_item, search_for, fill_cart, buy, cancel, move, write_review,
        log_in, best_month, count_orders, set_price, set_stock, ship,
        submit_post, add_comment, vote_up, author_of, most_votes, set_bio,
    )
}  # fmt: skip

"""How fast WebShop plays on one core, and what an index of a million products costs.

    python benchmarks/webshop_engine.py [--data-dir FOLDER] [--goals 300] [--products 1000000]

Goals: ≥ 2,000 turns/s with 1,000 products, searches included; an index of 1,000,000 products built in
≤ 4 GiB, stored, memory-mapped, and answering in ≤ 20 ms.

The turns: for each goal a search for its product's whole title (no two goals are of one product, so no
search is asked twice), the product, its features, back, the options, the purchase. The products are the
original's where their folder is given (or DREAMGYM_DATA names it), generated ones elsewhere. ``peer``
plays the same turns in a plain reading of the original's method: every page is rendered by Jinja2 from
the source of its template, and parsed twice, once for what can be clicked and once for the text; nothing
is kept between turns; the search index is ours. (The original has Lucene behind a Java bridge, Flask and
BeautifulSoup there.)

Progress goes to stderr, one line of JSON to stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from random import Random

import jinja2

from dreamgym.environments.webshop.catalogue import Goal, Product, search_text
from dreamgym.environments.webshop.generator import generate_goal, generate_products
from dreamgym.environments.webshop.index_files import build_index, open_index, save_index
from dreamgym.environments.webshop.original import load_original
from dreamgym.environments.webshop.search_index import SearchIndex
from dreamgym.environments.webshop.session import Session
from dreamgym.environments.webshop.shop import ORIGINAL, Shop

WORDS, WORDS_IN_A_TEXT, QUERIES = 200_000, 40, 300
RESULTS_PAGE = """<html><head><title>shop</title></head><body><h4>Instruction:<br>{{ instruction }}</h4>
<button class="btn">Back to Search</button><h3>Page {{ page }} (Total results: {{ total }})</h3>
<button class="btn">Next &gt;</button>
{% for item in products %}<div><img src="{{ item.asin }}"><h4><a class="product-link">{{ item.asin }}</a></h4>
<h4>{{ item.title }}</h4><h5>{{ item.price_tag }}</h5></div>
{% endfor %}</body></html>"""
ITEM_PAGE = """<html><head><title>shop</title></head><body><h4>Instruction:<br>{{ instruction }}</h4>
<button class="btn">Back to Search</button><button class="btn">&lt; Prev</button>
{% for name, values in product.options %}<h4>{{ name }}</h4>
{% for value in values %}<input type="radio" name="{{ name }}" value="{{ value }}"><label>{{ value }}</label>
{% endfor %}{% endfor %}<h2>{{ product.title }}</h2><h4>Price: {{ product.price_tag }}</h4>
<h4>Rating: {{ product.rating }}</h4><button class="btn">Description</button>
<button class="btn">Features</button><button class="btn">Reviews</button>
<button class="btn">Buy Now</button></body></html>"""
FEATURES_PAGE = """<html><head><title>shop</title></head><body><h4>Instruction:<br>{{ instruction }}</h4>
<button class="btn">Back to Search</button><button class="btn">&lt; Prev</button>
<ul>{% for feature in product.features %}<li><p> {{ feature }}</p></li>
{% endfor %}</ul></body></html>"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("DREAMGYM_DATA"))
    parser.add_argument("--goals", type=int, default=300, help="how many goals are played")
    parser.add_argument("--products", type=int, default=1_000_000, help="of the large index; 0: none")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)  # the child that builds the large index
    arguments = parser.parse_args()
    if arguments.build:
        build_large(arguments.products, arguments.build)
        return
    result = {"benchmark": "webshop_engine", **measure_turns(arguments.data_dir, arguments.goals)}
    if arguments.products:
        result |= measure_large(arguments.products)
    print(json.dumps(result))


def measure_turns(data_dir: Path | None, count: int) -> dict[str, object]:
    """Turns a second, ours and the peer's, over the same actions."""
    say(f"loading {'original' if data_dir else 'generated'} products")
    start = time.perf_counter()
    products, goals = catalogue(data_dir)
    index = build_index((product.asin, search_text(product)) for product in products)
    shop = Shop(products, ORIGINAL, index=index)
    load_s = time.perf_counter() - start
    played = list({goal.asin: goal for goal in goals}.values())[:count]
    scripts = [(goal, script(goal)) for goal in played]
    say(f"{len(scripts)} goals in a shop of {len(products)} products")
    turns = sum(len(actions) for _, actions in scripts)
    texts: list[str] = []
    wall, cpu = time.perf_counter(), time.process_time()
    for goal, actions in scripts:
        session = Session(shop, goal)
        for action in actions:
            session.act(action)
            texts.append(session.text())
            session.clickables()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    say(f"{turns / seconds:,.0f} turns/s; now the peer")
    peer = play_peer(Peer(shop=shop, index=index), scripts, texts)
    return {
        "catalogue": "original" if data_dir else "generated",
        "products": len(products),
        "load_s": round(load_s, 2),
        "turns": turns,
        "turns_per_second": round(turns / seconds),
        "turns_per_cpu_second": round(turns / cpu_seconds),
        "peer_turns_per_cpu_second": round(turns / peer),
        "ratio": round(peer / cpu_seconds, 1),
    }


def catalogue(data_dir: Path | None) -> tuple[Sequence[Product], Sequence[Goal]]:
    """1,000 products, and goals."""
    if data_dir:
        original = load_original(Path(data_dir) / "webshop")
        return original.products, original.goals
    products = generate_products(0, 1000)
    return products, [generate_goal(products, 0, number) for number in range(3000)]


def script(goal: Goal) -> list[str]:
    """The turns of one goal."""
    options = [f"click[{value}]" for _, value in goal.options]
    item = f"click[{goal.asin.lower()}]"
    return [f"search[{goal.title}]", item, "click[features]", "click[< prev]", *options, "click[buy now]"]


def play_peer(peer: Peer, scripts: list[tuple[Goal, list[str]]], texts: list[str]) -> float:
    """CPU seconds that the peer takes for all pages but the receipts; each must say what ours says."""
    place, seconds = iter(texts), 0.0
    for goal, actions in scripts:
        for action in actions:
            ours = next(place)
            if action == "click[buy now]":
                continue
            start = time.process_time()
            text = peer.page(goal, action)
            seconds += time.process_time() - start
            if text.split() != ours.split():
                raise SystemExit(f"the peer differs at {action!r}:\n{text}\n{ours}")
    return seconds


@dataclass(frozen=True, kw_only=True)
class Peer:
    """The original's method, read plainly."""

    shop: Shop
    index: SearchIndex

    def page(self, goal: Goal, action: str) -> str:
        """The page after ``action``, rendered and parsed anew."""
        products = self.shop.products
        values: dict[str, object] = {"instruction": goal.instruction, "product": products[goal.asin]}
        source = FEATURES_PAGE if action == "click[features]" else ITEM_PAGE
        if action.startswith("search["):
            found = self.index.search(action[7:-1].lower(), ORIGINAL.results)
            shown = [products[asin] for asin in found[: ORIGINAL.page_size]]
            values |= {"products": shown, "page": 1, "total": len(found)}
            source = RESULTS_PAGE
        html = jinja2.Environment(autoescape=True).from_string(source).render(values)
        Reader().read(html)
        return " [SEP] ".join(Reader().read(html))


class Reader(HTMLParser):
    """The visible texts of a page, and what can be clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.clickables: list[str] = []

    def read(self, html: str) -> list[str]:
        """The texts."""
        self.feed(html)
        self.close()
        return self.texts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember where we are."""
        if tag == "input":
            self.clickables.append(dict(attrs)["value"] or "")
        elif tag not in ("br", "img"):
            self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """And where we were."""
        self.tags.pop()

    def handle_data(self, data: str) -> None:
        """A text, unless it is a line break or in the head."""
        if "\n" in data and not data.strip():
            return
        if self.tags and self.tags[-1] != "title":
            self.texts.append(data.strip())
            if self.tags[-1] in ("a", "button"):
                self.clickables.append(data.strip().lower())


def measure_large(products: int) -> dict[str, object]:
    """Build in a process of its own, so that its memory is its own; then search memory-mapped."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "index"
        start = time.perf_counter()
        command = [sys.executable, __file__, "--products", str(products), "--build", str(target)]
        built = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        build_s = time.perf_counter() - start
        size = sum(file.stat().st_size for file in target.iterdir())
        start = time.perf_counter()
        index = open_index(target)
        open_s = time.perf_counter() - start
        queries = list(texts_of(Random(1), QUERIES, 2, 6))
        index.search(queries[0], 50)
        walls, cpus = zip(*(milliseconds(index, query) for query in queries), strict=True)
    return {
        "large_products": products,
        "large_build_s": round(build_s, 1),
        **built,
        "large_disk_mib": round(size / 2**20),
        "large_open_s": round(open_s, 2),
        "large_search_ms": spread(walls),
        "large_search_cpu_ms": spread(cpus),
    }


def build_large(products: int, target: Path) -> None:
    """Build and store; the texts are made as they are read."""
    say(f"indexing {products:,} products of {WORDS_IN_A_TEXT} words")
    texts = texts_of(Random(0), products, WORDS_IN_A_TEXT, WORDS_IN_A_TEXT)

    def documents() -> Iterator[tuple[str, str]]:
        for number, text in enumerate(texts):
            if number and number % 100_000 == 0:
                say(f"{number:,}")
            yield f"B{number:09d}", text

    index = build_index(documents())
    save_index(index, target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"large_postings": len(index.documents_P), "large_build_peak_mib": peak // 1024}))


def texts_of(rng: Random, count: int, least: int, most: int) -> Iterator[str]:
    """Texts of made-up words, the n-th word being about n times as rare as the first, as in real ones."""
    random = rng.random
    for _ in range(count):
        length = least + int(random() * (most - least + 1))
        yield " ".join([f"w{int(WORDS ** random())}" for _ in range(length)])


def milliseconds(index: SearchIndex, query: str) -> tuple[float, float]:
    """How long a search takes by the clock, and on the CPU where others share it."""
    wall, cpu = time.perf_counter(), time.process_time()
    index.search(query, 50)
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    in_order = sorted(values)
    late = in_order[int(0.95 * len(values))]
    found = {"median": statistics.median(values), "95": late, "max": in_order[-1]}
    return {name: round(value, 2) for name, value in found.items()}


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

"""The site: rows of one's own, everything escaped, the same world from the same seed; pinned tasks."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest

from dreamgym.core.errors import DataError
from dreamgym.environments.webarena.panels import VALID, own_records, panel, task_named
from dreamgym.environments.webarena.site.server import COOKIE, MAX_BODY, Site, fields
from dreamgym.environments.webarena.site.tasks import TEMPLATES
from dreamgym.environments.webarena.site.world import open_world

PINNED = {
    "train": "a6f237864a53e65461a0f48c1c1a7ea8777edbbfcf3662f48463cd690a1099cf",
    "valid": "0f80a6b1930d887b78b805b054514099678126beb685832d49203ee7bf44ca21",
}
HOSTILE = "<img src=x onerror=alert(1)>\"'&</textarea><script>mark()</script>"
EVERYONE = {"shop": "", "forum": "", "admin": "admin"}


class Browser:
    """A few lines of one: cookies, forms, redirects."""

    def __init__(self, site: Site, token: str) -> None:
        self.host, self.cookie = urlsplit(site.url).netloc, f"{COOKIE}={token}"

    def get(self, path: str, form: dict[str, str] | None = None, hops: int = 3) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.host, timeout=5)
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        body = None if form is None else urlencode(form)
        connection.request("GET" if form is None else "POST", path, body, headers)
        response = connection.getresponse()
        status, text, location = response.status, response.read().decode(), response.getheader("Location")
        connection.close()
        return self.get(location, hops=hops - 1) if location and hops else (status, text)


def person(world: int) -> str:
    db = open_world(world)
    name = str(db.execute("SELECT name FROM person ORDER BY rowid").fetchone()["name"])
    db.close()
    return name


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()
    site.close()


def browse(site: Site, world: int = 1) -> Browser:
    return Browser(site, site.open(world, {name: who or person(world) for name, who in EVERYONE.items()}))


def test_every_link_leads_somewhere(site: Site) -> None:
    browser, seen, todo = browse(site), set[str](), ["/shop", "/admin", "/forum"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        status, text = browser.get(path)
        assert status == 200, path
        for link in re.findall(r'href="([^"]+)"', text):
            link = link.replace("&amp;", "&")
            link = path.partition("?")[0] + link if link.startswith("?") else link
            todo += [link] if link.startswith("/") else []
    assert len(seen) > 100


def test_two_episodes_never_see_each_others_rows(site: Site) -> None:
    one, other = browse(site), browse(site)
    one.get("/shop/item/3/add", {"quantity": "7"})
    assert '<td class="quantity">7</td>' in one.get("/shop/cart")[1]
    assert "the cart is empty" in other.get("/shop/cart")[1]
    assert Browser(site, "guessed").get("/shop/cart") == (
        403,
        "<!DOCTYPE html><title>no episode</title>no episode",
    )


def test_an_episode_that_is_over_is_forgotten(site: Site) -> None:
    before, token = len(site), site.open(1, {})
    assert len(site) == before + 1
    site.forget(token)
    site.forget(token)
    assert len(site) == before
    assert Browser(site, token).get("/shop")[0] == 403


def test_a_reset_is_a_matter_of_a_millisecond(site: Site) -> None:
    site.open(2, {})
    start = time.perf_counter()
    for _ in range(20):
        site.forget(site.open(2, {}))
    assert (time.perf_counter() - start) / 20 < 0.050


def test_everything_that_is_stored_is_shown_escaped(site: Site) -> None:
    browser, name = browse(site), person(1)
    browser.get("/forum/submit", {"forum": "books", "title": HOSTILE, "body": HOSTILE})
    browser.get("/forum/f/books/21/comment", {"text": HOSTILE})
    browser.get(f"/forum/user/{name}", {"bio": HOSTILE})
    browser.get("/shop/account", {"city": HOSTILE})
    browser.get("/shop/item/3/review", {"stars": "5", "text": HOSTILE})
    browser.get("/admin/orders/1", {"status": "shipped", "note": HOSTILE})
    pages = ["/forum/f/books/21", f"/forum/user/{name}", "/shop/account", "/shop/item/3", "/admin/orders/1"]
    for path in [*pages, "/forum/f/books", "/shop/search?" + urlencode({"q": HOSTILE})]:
        status, text = browser.get(path)
        assert status == 200
        assert "&lt;img src=x" in text, path
        assert "<img" not in text
        assert "<script" not in text


@pytest.mark.parametrize(
    "path",
    ["/", "/shop/item/999", "/shop/item/99999999999999999999", "/shop/category/x", "/forum/f/x",
     "/shop/../admin", "/forum/f/books/999", "/shop/orders/2", "/miniwob-pages/../../etc/passwd",
     "/miniwob-pages/%2e%2e/x", "/%00"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    assert browse(site).get(path)[0] == 404


@pytest.mark.parametrize(
    "form",
    [{"price": "1e9", "stock": "1"}, {"price": "1.5", "stock": "1"}, {"price": "-1", "stock": "1"},
     {"price": "1.50", "stock": "٣"}, {"price": "1.50", "stock": "99999999"}, {"price": ""}, {}],
)  # fmt: skip
def test_a_form_that_makes_no_sense_changes_nothing(site: Site, form: dict[str, str]) -> None:
    browser = browse(site)
    before = browser.get("/admin/products/3")[1]
    assert "not saved" in browser.get("/admin/products/3", form)[1]
    assert browser.get("/admin/products/3")[1] == before


def test_a_form_that_is_too_large_is_refused(site: Site) -> None:
    browser = browse(site)
    with pytest.raises(
        (OSError, AssertionError)
    ):  # an answer, or a connection that is closed while it writes
        assert browser.get("/shop/account", {"city": "x" * MAX_BODY})[0] == 200
    assert browser.get("/shop/account")[0] == 200


def test_of_an_uploaded_file_the_name_is_kept() -> None:
    head = b"--b\r\nContent-Disposition: form-data; name="
    body = head + b'"price"\r\n\r\n1.50\r\n' + head + b'"picture"; filename="a.svg"\r\n'
    body += b"Content-Type: image/svg+xml\r\n\r\n<svg/>\r\n--b--\r\n"
    assert fields("multipart/form-data; boundary=b", body) == {"price": "1.50", "picture": "a.svg"}
    assert fields("multipart/form-data; boundary=x", b"\xff\x00") == {}


def test_people_are_who_their_password_says(site: Site) -> None:
    db = open_world(1)
    name, password = db.execute("SELECT name, password FROM person ORDER BY rowid DESC").fetchone()
    db.close()
    browser = Browser(site, site.open(1, {}))
    assert "<h1>log in</h1>" in browser.get("/shop/account")[1]
    assert "<h1>log in</h1>" in browser.get("/admin/products/3")[1]
    assert "wrong name or password" in browser.get("/shop/login", {"name": name, "password": "x"})[1]
    assert (
        f'<span id="person">{name}</span>'
        in browser.get("/shop/login", {"name": name, "password": password})[1]
    )
    assert (
        "wrong name or password"
        in browser.get("/admin/login", {"name": "' OR 1 --", "password": "castle"})[1]
    )
    assert "<h1>sales</h1>" in browser.get("/admin/login", {"name": "admin", "password": "castle"})[1]


@pytest.mark.parametrize("name", PINNED)
def test_panels_are_pinned(name: str) -> None:
    assert panel(name).digest == PINNED[name]


def test_panels_are_of_worlds_of_their_own() -> None:
    worlds = {name: {record["world"] for record in own_records(name)} for name in ("train", "valid")}
    assert not worlds["train"] & worlds["valid"]
    assert len(panel("train").tasks) == 220
    assert panel("valid", 5).tasks == panel("valid").tasks[:5]
    with pytest.raises(ValueError, match="has 66 tasks, not 67"):
        panel("valid", 67)


def test_tasks_are_in_webarenas_format_with_every_evaluator() -> None:
    records = own_records(VALID)
    assert {record["intent_template_id"] for record in records} == set(TEMPLATES)
    kinds = Counter(kind for record in records for kind in record["eval"]["eval_types"])
    assert set(kinds) == {"string_match", "url_match", "program_html"}
    answers = {name for record in records for name in record["eval"]["reference_answers"] or ()}
    assert answers == {"exact_match", "must_include", "fuzzy_match"}
    assert len({record["task_id"] for record in records}) == len(records) >= 30
    for record in records:
        assert "{{" not in record["intent"]
        assert json.loads(json.dumps(record)) == record
        assert task_named(f"site:{record['task_id']}").instruction == record["intent"]


@pytest.mark.parametrize(
    "name", ["site:1", "site:1:fly", "site:1000000:price_of", "webarena:x", "", "x" * 100_000]
)
def test_a_task_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(DataError, match="no WebArena task") as caught:
        task_named(name)
    assert len(str(caught.value)) < 700

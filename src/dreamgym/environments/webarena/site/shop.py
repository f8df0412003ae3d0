"""The shop: search, categories, items, a cart, orders, an account."""

from __future__ import annotations

from dreamgym.environments.webarena.site import words
from dreamgym.environments.webarena.site.web import Request, Response, Routes, cut, go, log_in, page

SITE = "shop"
ORDERINGS = {"name": "name", "price": "cents"}
PERSON = "SELECT password FROM person WHERE name = ?"


def home(request: Request) -> Response:
    """Where one begins: the categories."""
    return page("shop_home.html", SITE, request, {"categories": words.CATEGORIES})


def search(request: Request) -> Response:
    """Items whose names hold every word."""
    asked = request.query.get("q", "")[:60]
    wanted = asked.lower().split()
    rows = [
        row
        for row in request.rows("SELECT * FROM item ORDER BY name")
        if all(w in row["name"] for w in wanted)
    ]
    values = cut(rows, request) | {
        "title": f"search: {asked}",
        "asked": asked,
        "sort": "",
        "link": f"q={asked}",
    }
    return page("shop_list.html", SITE, request, values)


def category(request: Request, name: str) -> Response:
    """The items of a category, by name or by price."""
    request.row("SELECT 1 FROM item WHERE category = ?", name)
    sort = request.query.get("sort", "name")
    order = ORDERINGS.get(sort, "name")
    rows = request.rows(f"SELECT * FROM item WHERE category = ? ORDER BY {order}", name)
    values = cut(rows, request) | {"title": name, "asked": "", "sort": sort, "link": f"sort={sort}"}
    return page("shop_list.html", SITE, request, values)


def item(request: Request, number: str) -> Response:
    """One item and what people say of it."""
    row = request.row("SELECT * FROM item WHERE id = ?", number)
    reviews = request.rows("SELECT * FROM review WHERE item = ? ORDER BY id", number)
    return page("shop_item.html", SITE, request, {"item": row, "reviews": reviews})


def add(request: Request, number: str) -> Response:
    """Put some of an item into the cart."""
    request.row("SELECT 1 FROM item WHERE id = ?", number)
    if quantity := request.number("quantity", 99):
        request.db.execute(
            "INSERT INTO cart VALUES (?, ?) "
            "ON CONFLICT (item) DO UPDATE SET quantity = min(quantity + excluded.quantity, 999)",
            (number, quantity),
        )
    return go("/shop/cart")


def review(request: Request, number: str) -> Response:
    """Write a review; only for those who are logged in."""
    row, person = request.row("SELECT * FROM item WHERE id = ?", number), request.person(SITE)
    if person is None:
        return go("/shop/login")
    if request.method == "GET":
        return page("shop_review.html", SITE, request, {"item": row})
    values = (number, person, request.number("stars", 5) or 1, request.text("text"))
    request.db.execute("INSERT INTO review (item, author, stars, text) VALUES (?, ?, ?, ?)", values)
    return go(f"/shop/item/{number}")


def cart(request: Request) -> Response:
    """What one is about to buy."""
    rows = request.rows("SELECT * FROM cart JOIN item ON item.id = cart.item ORDER BY name")
    total = sum(row["cents"] * row["quantity"] for row in rows)
    return page("shop_cart.html", SITE, request, {"rows": rows, "total": total})


def remove(request: Request, number: str) -> Response:
    """Take an item out of the cart."""
    request.db.execute("DELETE FROM cart WHERE item = ?", (number,))
    return go("/shop/cart")


def order(request: Request) -> Response:
    """Buy what is in the cart."""
    person = request.person(SITE)
    if person is None:
        return go("/shop/login")
    rows = request.rows("SELECT * FROM cart JOIN item ON item.id = cart.item ORDER BY name")
    if not rows:
        return go("/shop/cart")
    made = request.db.execute(
        "INSERT INTO purchase (person, status, month) VALUES (?, 'pending', 'june')", (person,)
    )
    lines = [(made.lastrowid, row["item"], row["quantity"], row["cents"]) for row in rows]
    request.db.executemany("INSERT INTO line VALUES (?, ?, ?, ?)", lines)
    request.db.execute("DELETE FROM cart")
    return go(f"/shop/orders/{made.lastrowid}")


def orders(request: Request) -> Response:
    """One's own orders, the latest first."""
    person = request.person(SITE)
    if person is None:
        return go("/shop/login")
    rows = request.rows("SELECT * FROM purchase WHERE person = ? ORDER BY id DESC", person)
    return page("shop_orders.html", SITE, request, cut(rows, request))


def latest(request: Request) -> Response:
    """One's latest order."""
    row = request.row("SELECT max(id) AS id FROM purchase WHERE person = ?", request.person(SITE))
    return go(f"/shop/orders/{row['id']}")


def one_order(request: Request, number: str) -> Response:
    """One of one's own orders."""
    row = request.row("SELECT * FROM purchase WHERE id = ? AND person = ?", number, request.person(SITE))
    lines = request.rows(
        "SELECT line.*, name FROM line JOIN item ON item.id = item WHERE purchase = ?", number
    )
    total = sum(line["cents"] * line["quantity"] for line in lines)
    return page("shop_order.html", SITE, request, {"order": row, "lines": lines, "total": total})


def cancel(request: Request, number: str) -> Response:
    """Cancel an order that was not shipped."""
    request.db.execute(
        "UPDATE purchase SET status = 'canceled' WHERE id = ? AND person = ? AND status = 'pending'",
        (number, request.person(SITE)),
    )
    return go(f"/shop/orders/{number}")


def account(request: Request) -> Response:
    """One's own name and city."""
    person = request.person(SITE)
    if person is None:
        return go("/shop/login")
    if request.method == "POST":
        request.db.execute("UPDATE person SET city = ? WHERE name = ?", (request.text("city"), person))
    row = request.row("SELECT * FROM person WHERE name = ?", person)
    return page("shop_account.html", SITE, request, {"row": row, "saved": request.method == "POST"})


def login(request: Request) -> Response:
    """Say who one is."""
    return log_in(SITE, request, "/shop/account", PERSON)


ROUTES: Routes = (
    ("GET", "/shop/?", home),
    ("GET", "/shop/search", search),
    ("GET", r"/shop/category/(\w{1,20})", category),
    ("GET", r"/shop/item/(\d{1,9})", item),
    ("POST", r"/shop/item/(\d{1,9})/add", add),
    ("GET", r"/shop/item/(\d{1,9})/review", review),
    ("POST", r"/shop/item/(\d{1,9})/review", review),
    ("GET", "/shop/cart", cart),
    ("POST", r"/shop/cart/(\d{1,9})/remove", remove),
    ("POST", "/shop/order", order),
    ("GET", "/shop/orders", orders),
    ("GET", "/shop/orders/latest", latest),
    ("GET", r"/shop/orders/(\d{1,9})", one_order),
    ("POST", r"/shop/orders/(\d{1,9})/cancel", cancel),
    ("GET", "/shop/account", account),
    ("POST", "/shop/account", account),
    ("GET", "/shop/login", login),
    ("POST", "/shop/login", login),
)

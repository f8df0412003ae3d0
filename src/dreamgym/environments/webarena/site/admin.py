"""The shop's admin page: sales as a chart, products, orders."""

from __future__ import annotations

import re

from dreamgym.environments.webarena.site import words
from dreamgym.environments.webarena.site.web import Request, Response, Routes, cut, go, log_in, page

SITE = "admin"
PASSWORD = f"SELECT '{words.ADMIN_PASSWORD}' AS password WHERE ? = '{words.ADMIN}'"
PRICE = re.compile(r"(\d{1,5})(?:\.(\d{2}))?", re.ASCII)


def dashboard(request: Request) -> Response:
    """Sales of each month, as a chart."""
    sales = request.rows("SELECT * FROM sale ORDER BY rowid")
    return page("admin_home.html", SITE, request, {"sales": sales, "most": max(row["sold"] for row in sales)})


def products(request: Request) -> Response:
    """All products, or those whose names hold what is asked."""
    asked = request.query.get("q", "")[:60]
    rows = [row for row in request.rows("SELECT * FROM item ORDER BY name") if asked.lower() in row["name"]]
    return page("admin_products.html", SITE, request, cut(rows, request) | {"asked": asked})


def product(request: Request, number: str) -> Response:
    """One product, to be changed."""
    saved = ""
    request.row("SELECT 1 FROM item WHERE id = ?", number)
    if request.method == "POST":
        saved = _save(request, number)
    row = request.row("SELECT * FROM item WHERE id = ?", number)
    return page("admin_product.html", SITE, request, {"item": row, "saved": saved})


def _save(request: Request, number: str) -> str:
    price, stock = PRICE.fullmatch(request.text("price")), request.number("stock")
    if price is None or stock is None:
        return "not saved: a price reads like 12.50, a stock is a whole number"
    cents = 100 * int(price[1]) + int(price[2] or 0)
    request.db.execute("UPDATE item SET cents = ?, stock = ? WHERE id = ?", (cents, stock, number))
    if picture := request.text("picture"):
        request.db.execute("UPDATE item SET picture = ? WHERE id = ?", (picture, number))
    return "saved"


def orders(request: Request) -> Response:
    """All orders, or those of one status."""
    status = request.query.get("status", "")
    rows = request.rows("SELECT * FROM purchase WHERE ? IN ('', status) ORDER BY id DESC", status)
    values = cut(rows, request) | {"status": status, "statuses": words.STATUSES}
    return page("admin_orders.html", SITE, request, values)


def order(request: Request, number: str) -> Response:
    """One order, whose status and note may be changed."""
    request.row("SELECT 1 FROM purchase WHERE id = ?", number)
    saved = request.method == "POST" and request.text("status") in words.STATUSES
    if saved:
        values = (request.text("status"), request.text("note"), number)
        request.db.execute("UPDATE purchase SET status = ?, note = ? WHERE id = ?", values)
    row = request.row("SELECT * FROM purchase WHERE id = ?", number)
    lines = request.rows(
        "SELECT line.*, name FROM line JOIN item ON item.id = item WHERE purchase = ?", number
    )
    values_shown = {"order": row, "lines": lines, "saved": saved, "statuses": words.STATUSES}
    return page("admin_order.html", SITE, request, values_shown)


def login(request: Request) -> Response:
    """Say who one is."""
    return log_in(SITE, request, "/admin", PASSWORD)


def guarded(request: Request) -> Response | None:
    """To the login, for those who are nobody."""
    return None if request.person(SITE) or request.path == "/admin/login" else go("/admin/login")


ROUTES: Routes = (
    ("GET", "/admin/?", dashboard),
    ("GET", "/admin/products", products),
    ("GET", r"/admin/products/(\d{1,9})", product),
    ("POST", r"/admin/products/(\d{1,9})", product),
    ("GET", "/admin/orders", orders),
    ("GET", r"/admin/orders/(\d{1,9})", order),
    ("POST", r"/admin/orders/(\d{1,9})", order),
    ("GET", "/admin/login", login),
    ("POST", "/admin/login", login),
)

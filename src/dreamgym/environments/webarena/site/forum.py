"""The forum: posts with votes and comments, people with a few words about themselves."""

from __future__ import annotations

from dreamgym.environments.webarena.site import words
from dreamgym.environments.webarena.site.web import (
    NotFoundError,
    Request,
    Response,
    Routes,
    cut,
    go,
    log_in,
    page,
)

SITE = "forum"
PERSON = "SELECT password FROM person WHERE name = ?"
ORDERINGS = {"new": "id DESC", "top": "votes DESC"}


def home(request: Request) -> Response:
    """The forums."""
    return page("forum_home.html", SITE, request, {"forums": words.FORUMS})


def forum(request: Request, name: str) -> Response:
    """The posts of a forum, the newest or the most voted first."""
    if name not in words.FORUMS:
        raise NotFoundError
    sort = request.query.get("sort", "new")
    order = ORDERINGS.get(sort, "id DESC")
    rows = request.rows(f"SELECT * FROM post WHERE forum = ? ORDER BY {order}", name)
    return page("forum_list.html", SITE, request, cut(rows, request) | {"forum": name, "sort": sort})


def post(request: Request, name: str, number: str) -> Response:
    """A post and its comments."""
    row = request.row("SELECT * FROM post WHERE id = ? AND forum = ?", number, name)
    comments = request.rows("SELECT * FROM comment WHERE post = ? ORDER BY id", number)
    voted = bool(request.rows("SELECT 1 FROM vote WHERE post = ?", number))
    return page("forum_post.html", SITE, request, {"post": row, "comments": comments, "voted": voted})


def comment(request: Request, name: str, number: str) -> Response:
    """Say something to a post."""
    request.row("SELECT 1 FROM post WHERE id = ? AND forum = ?", number, name)
    person = request.person(SITE)
    if person is None:
        return go("/forum/login")
    if text := request.text("text"):
        request.db.execute(
            "INSERT INTO comment (post, author, text) VALUES (?, ?, ?)", (number, person, text)
        )
    return go(f"/forum/f/{name}/{number}")


def vote(request: Request, name: str, number: str) -> Response:
    """Vote a post up, or take the vote back."""
    request.row("SELECT 1 FROM post WHERE id = ? AND forum = ?", number, name)
    if request.person(SITE) is None:
        return go("/forum/login")
    taken_back = request.db.execute("DELETE FROM vote WHERE post = ?", (number,)).rowcount
    if not taken_back:
        request.db.execute("INSERT INTO vote VALUES (?)", (number,))
    change = -1 if taken_back else 1
    request.db.execute("UPDATE post SET votes = votes + ? WHERE id = ?", (change, number))
    return go(f"/forum/f/{name}/{number}")


def submit(request: Request) -> Response:
    """Write a post."""
    person = request.person(SITE)
    if person is None:
        return go("/forum/login")
    values = (request.text("forum"), person, request.text("title"), request.text("body"))
    if request.method == "GET" or values[0] not in words.FORUMS or not values[2]:
        problem = "" if request.method == "GET" else "a post needs a title"
        asked = {"forums": words.FORUMS, "chosen": request.query.get("forum", ""), "problem": problem}
        return page("forum_submit.html", SITE, request, asked)
    made = request.db.execute(
        "INSERT INTO post (forum, author, title, body, votes) VALUES (?, ?, ?, ?, 1)", values
    )
    return go(f"/forum/f/{values[0]}/{made.lastrowid}")


def profile(request: Request, name: str) -> Response:
    """What a person says of themselves; one's own may be changed."""
    own = request.person(SITE) == name
    if own and request.method == "POST":
        request.db.execute("UPDATE person SET bio = ? WHERE name = ?", (request.text("bio"), name))
    row = request.row("SELECT * FROM person WHERE name = ?", name)
    shown = {"row": row, "own": own, "saved": request.method == "POST"}
    return page("forum_user.html", SITE, request, shown)


def login(request: Request) -> Response:
    """Say who one is."""
    return log_in(SITE, request, "/forum", PERSON)


ROUTES: Routes = (
    ("GET", "/forum/?", home),
    ("GET", r"/forum/f/(\w{1,20})", forum),
    ("GET", r"/forum/f/(\w{1,20})/(\d{1,9})/?", post),
    ("POST", r"/forum/f/(\w{1,20})/(\d{1,9})/comment", comment),
    ("POST", r"/forum/f/(\w{1,20})/(\d{1,9})/vote", vote),
    ("GET", "/forum/submit", submit),
    ("POST", "/forum/submit", submit),
    ("GET", r"/forum/user/(\w{1,20})", profile),
    ("POST", r"/forum/user/(\w{1,20})", profile),
    ("GET", "/forum/login", login),
    ("POST", "/forum/login", login),
)

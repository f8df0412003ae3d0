"""The fixed stretches of the site's texts, one token each: what never changes is not spelt out."""

from __future__ import annotations

from dreamgym.models.dream_prompts import one_line

_TYPES = ("combobox", "textbox", "heading", "button", "table", "alert", "chart", "link", "text")
_MENUS = (
    ("Shop", "Cart", "Orders", "Account"),
    ("Sales", "Products", "Orders"),
    ("Forums", "Submit", "Profile"),
)
_LINES = (
    *(f'\n[{number}] link: "{name}"' for menu in _MENUS for number, name in enumerate(menu, start=1)),
    *(
        f'\n[{number}] link: "{name}"'
        for number, name in enumerate(("kitchen", "garden", "office", "toys"), start=8)
    ),
    *(
        f'\n[{number}] link: "{name}"'
        for number, name in enumerate(("books", "music", "travel", "food"), start=5)
    ),
    *(f'\n[{number}] button: "Search"' for number in (6, 7)),
)
_ERRORS = (
    "error: that is no action, an action reads like click('3')",
    "error: cannot read the arguments, texts stand in quotes: fill('3', 'red lamp')",
    "error: cannot read the arguments, they stand apart by commas: fill('3', 'red lamp')",
    " cannot be reached: it is hidden, covered or moving",
    "error: there is no element [",
    "] has no such option",
    "] takes no text",
)
_STARTS = ("page: SHOPPING_ADMIN/", "page: SHOPPING/", "page: REDDIT/")
PHRASES = tuple(
    sorted(
        {
            *map(one_line, _LINES),
            *(f" {error}" if error.startswith("error") else error for error in _ERRORS),
            *(f" {start}" for start in _STARTS),
            *(one_line(f"\n{start}") for start in _STARTS),
            *(f'] {type}: "' for type in _TYPES),
            *(one_line(text) for text in ('"\n[', "\n[", "\nmore: ", "\n{")),
            *(
                '" [',
                ", scroll to see them",
                "click('",
                "fill('",
                "', '",
                "')",
                "select_option('",
                "send_msg_to_user('",
            ),
        },
        key=lambda phrase: (-len(phrase), phrase),
    )
)

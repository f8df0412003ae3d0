"""The helpers that task files name, ``func:NAME(…)``: functions of ours, never code of a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dreamgym.environments.webarena.browser.chromium import playwright
from dreamgym.environments.webarena.sites import Sites

if TYPE_CHECKING:
    from playwright.async_api import Page

LATEST_ORDER = "shopping_get_latest_order_url"
POST_URL = "reddit_get_post_url"
MEMBER_ROLE = "gitlab_get_project_memeber_role"  # spelt so in the task files
REST = {
    LATEST_ORDER: "asks Magento's REST interface as its administrator, which only our own site answers",
    "shopping_get_sku_latest_review_author": "asks Magento's REST interface as its administrator",
    "shopping_get_sku_latest_review_rating": "asks Magento's REST interface as its administrator",
}
_CALL = re.compile(r"func:(\w+)\((.*)\)", re.DOTALL)
ROLE = """account => {
  const names = [...document.querySelectorAll("td[data-label='Account'] span.gl-avatar-labeled-sublabel")];
  const index = names.findIndex(name => name.outerText === '@' + account);
  return document.querySelectorAll("td.col-max-role span")[index].outerText;
}"""


def why_not(text: str, *, own: bool) -> str:
    """Why a URL or a locator cannot be evaluated; empty where it can."""
    if not text.startswith("func:"):
        return ""
    match = _CALL.fullmatch(text)
    name = match[1] if match else text[5:45]
    if name in (POST_URL, MEMBER_ROLE) or (own and name == LATEST_ORDER):
        return ""
    return f"the helper {name} {REST.get(name, 'is unknown')}"


def helper_url(text: str, page_url: str, sites: Sites) -> str:
    """The URL that a helper names."""
    match = _CALL.fullmatch(text)
    assert match is not None
    if match[1] == LATEST_ORDER:
        return sites.expand("__SHOPPING__/orders/latest")
    return post_url(page_url, sites.urls.get("REDDIT", ""))


def post_url(url: str, base: str) -> str:
    """The post that a page of the forum belongs to; ``url`` itself where it belongs to none."""
    prefix = urlsplit(base).path.rstrip("/")
    parts = urlsplit(url)
    words = parts.path.removeprefix(prefix).split("/")
    if len(words) < 4 or words[1] != "f":
        return url
    return f"{parts.scheme}://{parts.netloc}{prefix}/f/{words[2]}/{words[3]}/"


async def helper_text(text: str, page: Page) -> str:
    """The text that a helper reads on a page; empty where the page has none."""
    match = _CALL.fullmatch(text)
    assert match is not None
    account = match[2].rpartition(",")[2].strip().strip("'\"")
    try:
        return str(await page.evaluate(ROLE, account))
    except playwright().Error:
        return ""

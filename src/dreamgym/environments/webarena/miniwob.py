"""MiniWoB++: the pages of the ``miniwob`` wheel, and the few words by which they are started and judged."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from dreamgym.core.errors import UnavailableError
from dreamgym.environments.webarena.browser.tab import Tab

PREFIX = "/miniwob-pages/miniwob/"
INSTALL = "pip install 'dreamgym[browser]'"
# No clock: an episode has turns, not seconds, and what a page draws from it would differ from play to play.
START = """seed => {
  core.EPISODE_MAX_TIME = 2000000000;
  Math.seedrandom('dreamgym' + seed);
  core.startEpisodeReal();
  for (const id of ['reward-display', 'click-canvas', 'sync-task-cover'])
    document.getElementById(id)?.setAttribute('style', 'display: none');
  const wanted = core.getUtterance();
  document.getElementById('query')?.setAttribute('aria-hidden', 'true');  // told as the goal, every turn
  return wanted;
}"""
OUTCOME = "() => [WOB_DONE_GLOBAL === true, Number(WOB_RAW_REWARD_GLOBAL) || 0]"
UTTERANCE_KEY = "utterance"


def folder() -> Path | None:
    """Where the installed wheel keeps its pages; it is not imported, which would take a second."""
    found = find_spec("miniwob")
    if found is None or not found.submodule_search_locations:
        return None
    pages = Path(found.submodule_search_locations[0]) / "html"
    return pages if (pages / "miniwob").is_dir() else None


@cache
def page_names() -> tuple[str, ...]:
    """The names of all pages, sorted.

    Raises:
        UnavailableError: the wheel is not installed.
    """
    pages = folder()
    if pages is None:
        raise UnavailableError(
            f"MiniWoB++'s pages are in the package miniwob, which is not installed: {INSTALL}"
        )
    return tuple(sorted(path.stem for path in (pages / "miniwob").glob("*.html")))


async def start(tab: Tab, seed: int) -> str:
    """Begin an episode on the page that is open; what the page asks for."""
    said = await tab.page.evaluate(START, seed)
    return str(said[UTTERANCE_KEY] if isinstance(said, dict) else said)


async def outcome(tab: Tab) -> tuple[bool, float]:
    """Whether the episode is over, and the reward that the page gives, from -1 to 1, without its clock."""
    done, reward = await tab.page.evaluate(OUTCOME)
    return bool(done), max(-1.0, min(float(reward), 1.0))

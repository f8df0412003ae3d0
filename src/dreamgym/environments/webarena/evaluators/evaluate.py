"""The outcome of an episode: 1 where every evaluator of the task holds, else 0 (WebArena's product).

Locators are JavaScript of the task file, which is the user's own; they run inside the page, as any of its
scripts could. Nothing that a page or the agent says is run.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from dreamgym.environments.webarena.browser.chromium import playwright
from dreamgym.environments.webarena.browser.tab import Tab
from dreamgym.environments.webarena.evaluators.helpers import helper_text, helper_url, why_not
from dreamgym.environments.webarena.evaluators.judge import means_the_same
from dreamgym.environments.webarena.evaluators.strings import answer_matches, page_matches
from dreamgym.environments.webarena.evaluators.urls import url_matches
from dreamgym.environments.webarena.sites import Sites
from dreamgym.environments.webarena.specs import HTML, NOT_ACHIEVABLE, STRING, TABS, URL, HtmlCheck, TaskSpec
from dreamgym.models.llm_client import LLMClient


def refusal(spec: TaskSpec, *, has_judge: bool, own: bool) -> str:
    """Why a task cannot be played or judged here; empty where it can."""
    if TABS in spec.start_url:
        return "it begins with several tabs, and the paper's actions know one"
    for check in spec.evaluation.html:
        if reason := why_not(check.url, own=own) or why_not(check.locator, own=own):
            return reason
    fuzzy = {
        *spec.evaluation.answer.fuzzy,
        *(text for check in spec.evaluation.html for text in check.wanted.fuzzy),
    }
    if fuzzy - {NOT_ACHIEVABLE} and not has_judge:
        return (
            "its fuzzy_match needs a language model as the judge, and none was given: "
            "set environment.judge to a client, such as openai:MODEL"
        )
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluator:
    """Judges ``spec`` on the page where the agent has ended; ``judge`` where a fuzzy match needs one."""

    spec: TaskSpec
    sites: Sites
    judge: LLMClient | None = None

    async def holds(self, tab: Tab, answer: str) -> bool:
        """Whether everything holds."""
        evaluation = self.spec.evaluation
        # The page's own checks come last: they leave the page.
        if STRING in evaluation.types and not await self._said(answer):
            return False
        if URL in evaluation.types and not url_matches(
            self.sites.expand(evaluation.reference_url), tab.page.url
        ):
            return False
        if HTML in evaluation.types:
            for check in evaluation.html:
                if not await self._shown(tab, check):
                    return False
        return True

    async def _said(self, answer: str) -> bool:
        wanted = self.spec.evaluation.answer
        return answer_matches(wanted, answer) and await self._means(wanted.fuzzy, answer)

    async def _means(self, references: tuple[str, ...], answer: str) -> bool:
        intent, note = self.spec.intent, self.spec.evaluation.string_note
        for reference in references:
            if not await means_the_same(
                self.judge, intent=intent, reference=reference, answer=answer, note=note
            ):
                return False
        return True

    async def _shown(self, tab: Tab, check: HtmlCheck) -> bool:
        if check.url.startswith("func:"):
            await tab.go(helper_url(check.url, tab.page.url, self.sites))
        elif check.url != "last":
            await tab.go(self.sites.expand(check.url))
        text = html.unescape(await _located(tab, check))
        return page_matches(check.wanted, text) and await self._means(check.wanted.fuzzy, text)


async def _located(tab: Tab, check: HtmlCheck) -> str:
    """The text that a locator finds; empty where it finds none."""
    locator = check.locator.strip()
    if not locator:
        return str(await tab.page.content())
    if locator.startswith("func:"):
        return await helper_text(locator, tab.page)
    try:
        for action in check.prep_actions:
            await tab.page.evaluate(f"() => {action}")
    except playwright().Error:
        pass  # what is to be opened may be open: the locator tells
    try:
        found = await tab.page.evaluate(f"() => {locator}")
    except playwright().Error:
        return ""
    return str(found) if found else ""

"""WebArena's task files: what is asked, where it begins, and how the outcome is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamgym.core.errors import DataError
from dreamgym.environments.webarena.fields import Fields

STRING, URL, HTML = "string_match", "url_match", "program_html"
EVALUATORS = (STRING, URL, HTML)
NOT_ACHIEVABLE = "N/A"
GOLD_IN_PRED = "GOLD in PRED"
TABS = " |AND| "


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a text must be: ``exact`` alone, all of ``must_include``, or what a judge says of ``fuzzy``."""

    exact: str | None = None
    must_include: tuple[str, ...] = ()
    fuzzy: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HtmlCheck:
    """A text of a page: ``url`` may be "last", ``locator`` is JavaScript of the task file, or a helper."""

    url: str
    locator: str
    wanted: Contents
    prep_actions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """All that must hold at the end."""

    types: tuple[str, ...]
    answer: Contents = Contents()
    reference_url: str = ""
    string_note: str = ""
    html: tuple[HtmlCheck, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec:
    """One task. ``world`` is the seed of our own site's rows, None for a user's sites."""

    id: str
    sites: tuple[str, ...]
    start_url: str
    intent: str
    template: str
    require_login: bool
    storage_state: str | None
    evaluation: Evaluation
    world: int | None = None

    @property
    def texts_with_sites(self) -> tuple[str, ...]:
        """Where it begins and what is looked at in the end: texts that name the sites by placeholders."""
        evaluation = self.evaluation
        return (self.start_url, evaluation.reference_url, *(check.url for check in evaluation.html))


def read_spec(data: Mapping[str, Any], id: str) -> TaskSpec:
    """The task of a record of WebArena's files.

    Raises:
        DataError: a field is missing or of another type, or an evaluator is unknown.
    """
    reader = Fields(data, f"WebArena task {id}")
    world = data.get("world")
    return TaskSpec(
        id=id,
        sites=tuple(reader.strings("sites")),
        start_url=reader.string("start_url"),
        intent=reader.string("intent"),
        template=str(data.get("intent_template_id", "")),
        require_login=bool(data.get("require_login")),
        storage_state=reader.optional("storage_state") or None,
        evaluation=_evaluation(Fields(reader.mapping("eval"), f"WebArena task {id}, eval")),
        world=world if isinstance(world, int) else None,
    )


def _evaluation(reader: Fields) -> Evaluation:
    types = tuple(reader.strings("eval_types"))
    unknown = [name for name in types if name not in EVALUATORS]
    if unknown or not types:
        raise DataError(
            f"{reader.where}: the evaluator {unknown[0]!r} is unknown, there are {', '.join(EVALUATORS)}"
            if unknown
            else f"{reader.where}: no evaluator, wanted some of {', '.join(EVALUATORS)}"
        )
    note = reader.optional("url_note") or GOLD_IN_PRED
    if URL in types and GOLD_IN_PRED not in note:
        raise DataError(f"{reader.where}: the URL rule {note!r} is unknown, there is {GOLD_IN_PRED!r}")
    return Evaluation(
        types=types,
        answer=_contents(reader, "reference_answers") if STRING in types else Contents(),
        reference_url=reader.filled("reference_url") if URL in types else reader.optional("reference_url"),
        string_note=reader.optional("string_note"),
        html=tuple(map(_check, reader.fields_of_each("program_html"))) if HTML in types else (),
    )


def _check(reader: Fields) -> HtmlCheck:
    locator = reader.string("locator")
    if locator.strip() and not locator.startswith(("document.", "[...document.", "func:")):
        raise DataError(f"{reader.where}: the locator {locator[:60]!r} is of an unknown kind")
    return HtmlCheck(
        url=reader.string("url"),
        locator=locator,
        wanted=_contents(reader, "required_contents"),
        prep_actions=tuple(reader.strings("prep_actions")) if "prep_actions" in reader.data else (),
    )


def _contents(reader: Fields, name: str) -> Contents:
    data, where = reader.mapping(name), f"{reader.where}.{name}"
    known = {"exact_match": "exact", "must_include": "must_include", "fuzzy_match": "fuzzy"}
    if unknown := sorted(set(data) - set(known)):
        raise DataError(f"{where}: the comparison {unknown[0]!r} is unknown, there are {', '.join(known)}")
    fields = Fields(data, where)
    wanted = Contents(
        exact=fields.word("exact_match"),
        must_include=fields.words("must_include"),
        fuzzy=fields.words("fuzzy_match"),
    )
    if wanted == Contents():  # which any answer would meet
        raise DataError(f"{where}: found {data!r:.60}, wanted exact_match, must_include or fuzzy_match")
    return wanted

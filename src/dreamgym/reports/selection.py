"""Which recorded episodes a page shows: a few of every kind, within a budget of characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dreamgym.reports.episodes import EpisodeView, Side, views
from dreamgym.reports.figures import flagged
from dreamgym.reports.run_files import GATE, Moment, Run, read_episodes
from dreamgym.reports.visible import shown
from dreamgym.training.episode_records import evenly

BUDGET = 1_500_000  # characters of episodes on a page, all runs together
OVERHEAD = 700  # characters of markup around a turn, or around eight facts
_EVALUATED = ("real", "dreamed")
_HEADINGS = {
    GATE: "Before training: dreamed by the starting policy, replayed for the fidelity gate",
    "dreamed": "Evaluation after iteration {}: dreamed games",
    "real": "Evaluation after iteration {}: games that were played for real alone",
    "audited": "Iteration {}: training episodes that an audit replayed",
    "rollouts": "Iteration {}: training episodes of one group",
}


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """Episodes of one moment."""

    heading: str
    episodes: tuple[EpisodeView, ...]


def chapters(run: Run, budget: int) -> tuple[list[Chapter], int]:
    """What is shown of ``run``, and how many recorded moments or episodes there was no room for."""
    told: list[Chapter] = []
    left_out = 0
    for moment, beside in _chosen(run):
        records = read_episodes(moment, run.problems)
        real = read_episodes(beside, run.problems) if beside else []
        if moment.source == "real":
            dreamed = {record.task_id for record in real}
            records, real = [r for r in records if r.task_id not in dreamed][:2], []
        fitting: list[EpisodeView] = []
        for view in views(records, real):
            cost = size(view)
            if cost > budget:
                left_out += 1
                continue
            budget -= cost
            fitting.append(view)
        if fitting:
            heading = _HEADINGS[moment.source].format(moment.iteration)
            told.append(Chapter(heading=heading, episodes=tuple(fitting)))
    return told, left_out


def size(view: EpisodeView) -> int:
    """About how many characters ``view`` takes on the page, hidden ones written out."""
    record, sides = view.record, [side for row in view.rows for side in (row.left, row.right) if side]
    facts = [
        *(record.sheet.facts if record.sheet else ()),
        *(change for side in sides for change in side.changes),
    ]
    texts = [record.opening, record.instruction, *(text for side in sides for text in _texts(side))]
    texts += [text for fact in facts for text in fact]
    return OVERHEAD * (len(view.rows) + len(facts) // 8) + sum(len(shown(text)) for text in texts)


def _texts(side: Side) -> Iterator[str]:
    for words in (side.action, side.answer):
        yield from (words.before, words.marked, words.after)
    yield side.reasoning


def _chosen(run: Run) -> Iterator[tuple[Moment, Moment | None]]:
    """The gate, the first and the last evaluation, three audits (flagged ones first), two iterations; with
    each dreamed evaluation its real one, and the reverse.
    """
    by_source: dict[str, list[Moment]] = {}
    for moment in run.moments:
        by_source.setdefault(moment.source, []).append(moment)
    yield from ((moment, None) for moment in by_source.get(GATE, []))
    known = {(moment.source, moment.iteration): moment for moment in run.moments}
    for source, other in (_EVALUATED[::-1], _EVALUATED):
        for moment in _ends(by_source.get(source, [])):
            yield moment, known.get((other, moment.iteration))
    flags = set(flagged(run))
    audits = by_source.get("audited", [])
    alarming = [moment for moment in audits if moment.iteration in flags][:2]
    others = [moment for moment in audits if moment not in alarming]
    yield from ((moment, None) for moment in [*alarming, *evenly(others[::-1], 3 - len(alarming))[::-1]])
    yield from ((moment, None) for moment in _ends(by_source.get("rollouts", [])))


def _ends(moments: Sequence[Moment]) -> Sequence[Moment]:
    return moments if len(moments) <= 2 else (moments[0], moments[-1])

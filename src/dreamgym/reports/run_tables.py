"""What is told of one run alone: its dream by type of action, and what its tasks became."""

from __future__ import annotations

from collections.abc import Iterable

from dreamgym.core.data_structures import TaskOrigin
from dreamgym.reports.run_files import Run
from dreamgym.reports.tables import NOTHING, Table, percent, share
from dreamgym.training.episode_records import GroupRecord

MOST_TASKS = 40
MOST_TRIES = 8


def by_action(run: Run) -> list[Table]:
    """Fidelity by type of action, in both sources."""
    head = ("action", "turns", "next state, word for word", "invalid recognised", "false wins")
    return [
        Table(
            title=f"By type of action: {source}",
            head=head,
            rows=tuple(
                (row.verb, f"{row.turns:,}", share(row.exact), share(row.recognised), share(row.false_wins))
                for row in rows
            ),
        )
        for source, rows in run.fidelity.by_action.items()
    ]


def tasks(run: Run) -> list[Table]:
    """How task types went, and what became of every made task."""
    return [table for table in (types_over_time(run), made_tasks(run)) if table]


def made_tasks(run: Run) -> Table | None:
    """The synthetic tasks that were played: what each came from, and how it went in its iterations."""
    played: dict[str, list[tuple[int, GroupRecord]]] = {}
    instructions: dict[str, str] = {}
    for iteration, groups in sorted(run.groups.items()):
        for group in groups:
            instructions[group.task_id] = group.instruction
            if group.task_origin is TaskOrigin.SYNTHETIC:
                played.setdefault(group.task_id, []).append((iteration, group))
    if not played:
        return None
    ranked = sorted(played.values(), key=lambda tries: -len(tries))
    rows = [
        (
            tries[0][1].instruction[:200],
            instructions.get(tries[0][1].parent_id or "", NOTHING)[:200],
            ", ".join(f"{_solved(group)} ({iteration})" for iteration, group in tries[-MOST_TRIES:]),
        )
        for tries in ranked[:MOST_TASKS]
    ]
    left = len(ranked) - len(rows)
    note = (
        "Solved of played episodes, the iteration in brackets. A dash: the parent was not played in training."
    )
    note += f" {left:,} more tasks are not listed." if left else ""
    head = ("made task", "made from", "how it went")
    return Table(title="What tasks became", head=head, rows=tuple(rows), note=note, numeric=False)


def types_over_time(run: Run) -> Table | None:
    """Solved in training by task type and origin, in the first and the last third of the iterations."""
    iterations = sorted(run.groups)
    if len(iterations) < 2:
        return None
    third = max(1, len(iterations) // 3)
    cells: dict[tuple[str, str], list[list[bool]]] = {}
    for column, part in enumerate((iterations[:third], iterations[-third:])):
        for group in (group for iteration in part for group in run.groups[iteration]):
            key = (group.task_type or "other", group.task_origin.value)
            cells.setdefault(key, [[], []])[column] += [value > 0 for value in group.returns]
    rows = [(f"{kind}, {origin}", *map(_share, both)) for (kind, origin), both in sorted(cells.items())]
    span = "iteration" if third == 1 else f"{third} iterations"
    head = ("task type, origin", f"first {span}", f"last {span}")
    return Table(title="Solved in training", head=head, rows=tuple(rows)) if rows else None


def _solved(group: GroupRecord) -> str:
    return f"{sum(value > 0 for value in group.returns)}/{len(group.returns)}"


def _share(outcomes: Iterable[bool]) -> str:
    known = list(outcomes)
    return f"{percent(sum(known) / len(known))} of {len(known):,}" if known else NOTHING

"""Folders of runs to report on, with known numbers, and any text wherever a run may write one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from dreamgym.core.data_structures import Origin, Sheet, TaskOrigin
from dreamgym.core.serialization import encode
from dreamgym.reports.page import read_runs, render
from dreamgym.training.episode_records import EpisodeRecord, GroupRecord, TurnRecord, write_episodes

VOID = {"meta", "br", "img", "link", "input", "hr", "base", "source"}


def share(estimate: float) -> dict[str, float]:
    return {"estimate": estimate, "low": estimate / 2, "high": (1 + estimate) / 2}


def turn(number: int, text: str = "a mug 1") -> TurnRecord:
    return TurnRecord(
        action=f"go to shelf {number}",
        answer=f"On the shelf {number}, you see {text}.",
        reasoning=f"\n> shelf {number} = surface; {text}\nok",
        changes=(("at", f"shelf {number}"), (text, f"in shelf {number}, {text}")),
        real_answer=f"On the shelf {number}, you see {text if number < 3 else 'nothing'}.",
    )


def episode(text: str = "a mug 1", turns: int = 5) -> EpisodeRecord:
    return EpisodeRecord(
        id=f"eval-{text}",
        task_id=f"task-{text}",
        instruction=f"put {text} in shelf.",
        task_type=text,
        origin=Origin.DREAMED,
        outcome="won",
        detail=text,
        opening=f"You are in a room with {text}.",
        sheet=Sheet(facts=((text, f"in shelf 1, {text}"),)),
        turns=tuple(turn(number, text) for number in range(1, turns + 1)),
        real_success=False,
    )


def group(iteration: int, text: str = "a mug 1", *, made: bool = False) -> GroupRecord:
    return GroupRecord(
        task_id=f"task-{text}~1" if made else f"task-{text}",
        instruction=f"put a hot {text} in shelf." if made else f"put {text} in shelf.",
        task_type=text,
        task_origin=TaskOrigin.SYNTHETIC if made else TaskOrigin.SEED,
        parent_id=f"task-{text}" if made else None,
        world=Origin.DREAMED,
        returns=(1.0,) * iteration + (0.0,) * (8 - iteration) if iteration <= 8 else (1.0,) * 8,
    )


def write_run(folder: Path, *, text: str = "a mug 1", iterations: int = 4, turns: int = 5) -> Path:
    """A finished run whose every text is ``text``: names of metrics, settings and actions too."""
    (folder / "episodes").mkdir(parents=True)
    rows = [
        {"iteration": 0, "time/gate": 5.0},
        {"iteration": 0, "eval/real/success": 0.25, "eval/real/success_low": 0.125},
        {"iteration": 0, "eval/real/success_high": 0.5, f"eval/real/success/{text}": 0.25},
    ]
    for i in range(1, iterations + 1):
        rows.append(
            {
                "iteration": i,
                "rollout/dreamed_success": i / 10,
                "audit/episodes": 10,
                "audit/dreamed_success": 0.5,
                "audit/real_success": 0.4,
                "audit/gap": 0.1,
                "audit/exploited": float(i == 3),
                "replay/size": 100.0 * i,
                "replay/real": 60.0 * i,
                "replay/dreamed": 40.0 * i,
                f"replay/refused/{text}": 7.0,
                "curriculum/reward_variance": 0.2,
                f"curriculum/refused/{text}": 8.0,
                "total/dreamed_turns": 1000.0 * i,
                "total/real_turns": 10.0 * i,
                "time/collect": 61.0,
                f"llm/{text}/cost_usd": 0.5 * i,
                f"llm/{text}/calls": 10.0,
                f"llm/{text}/prompt_tokens": 700.0,
                f"llm/{text}/completion_tokens": 300.0,
            }
        )
        lines(folder / "episodes" / f"tasks_{i:04d}.jsonl", [group(i, text), group(i, text, made=True)])
        write_episodes(folder / "episodes" / f"rollouts_{i:04d}.jsonl", [episode(text, turns)])
    rows.append({"iteration": iterations, "eval/real/success": 0.75, f"eval/real/success/{text}": 0.75})
    rows[-1] |= {f"llm/{text}/calls": 2.0, "time/collect": 1.0}
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for i in (0, iterations):
        dreamed = episode(text, turns)
        write_episodes(folder / "episodes" / f"dreamed_{i:04d}.jsonl", [dreamed])
        real = replace(dreamed, origin=Origin.REAL, sheet=None, real_success=None)
        write_episodes(folder / "episodes" / f"real_{i:04d}.jsonl", [real])
    write_episodes(folder / "fidelity.jsonl", [episode(text, turns)])
    phases = [{"world": "dream", "iterations": iterations}]
    (folder / "config.yaml").write_text(json.dumps({"training": {"phases": phases}, "x": {text: text}}))
    rates = {"turns": 40, "next_state_exact": share(0.9), "false_wins": share(0.01)}
    report = {"replayed": rates, "by_verb": {text: rates}, "whole_episodes": share(0.8), "failed": 2}
    (folder / "fidelity.json").write_text(json.dumps(report))
    (folder / "summary.json").write_text("{}")
    return folder


def lines(path: Path, records: list[GroupRecord]) -> None:
    path.write_text("".join(json.dumps(encode(record)) + "\n" for record in records))


def page_of(*folders: Path) -> str:
    return render(read_runs(folders))


class Page(HTMLParser):
    """What a browser would find: the elements with their attributes, and the text that is read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.pieces: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.stack or self.stack[-1] not in ("style", "script"):
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def words(self) -> str:
        """The text of one element after the other, single spaces between all words."""
        return " ".join(" ".join(self.pieces).split())

    def attributes(self, choose: Callable[[str], bool]) -> Iterator[tuple[str, str, str | None]]:
        for tag, attributes in self.elements:
            for name, value in attributes.items():
                if choose(name):
                    yield tag, name, value

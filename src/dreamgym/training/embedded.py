"""The tokenizer that both embedded models share, made from offline trajectories' own text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from transformers import PreTrainedTokenizerFast

from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.alfworld import catalogue
from dreamgym.models import dream_format
from dreamgym.models.tokenizer import build_tokenizer, learn_phrases, learn_tokenizer
from dreamgym.training.dialogue import one_line
from dreamgym.training.settings import ALFWORLD

LINE_HEADS = (
    *(
        f"\n{head}:"
        for head in ("task", "like", "then", "at", "hand", "action", "sees", "room", "options", "next")
    ),
    *("\n>", "\nok", "\nfail", "\nset", "\nend", "\nreward: 0", "\nreward: 1", "\ndone: no", "\ndone: yes"),
)
TRACE_TOKENS = 4_096
LEARNED_FROM = 20_000  # characters of a text are enough to learn its words
SHEET_WORDS = (
    " holds; nothing, none unseen closed open surface middle in hand hot cool clean sliced on at here"
    " named yes no -> = : | \\ ."
)


def vocabulary_names() -> list[str]:
    """Every kind of the catalogue with every number that a room may hold, and a few more."""
    most: Counter[str] = Counter()
    for room in catalogue.ROOMS.values():
        for kind, counts in room.receptacles.items():
            most[kind] = max(most[kind], max(counts))
        for kind, contents in room.contents.items():
            most[kind] = max(most[kind], len(contents.counts) - 1)
    return [f"{kind} {number}" for kind in sorted(most) for number in range(1, max(8, most[kind] + 4) + 1)]


def _spoken(trajectories: Sequence[Trajectory]) -> Iterator[str]:
    """Every observation as the policy and as the dream write it on one line, openings without their task."""
    for trajectory in trajectories:
        for text in (trajectory.transitions[0].state.split("Your task is to:")[0],):
            yield one_line(text)
        for transition in trajectory.transitions:
            yield one_line(transition.next_state)
            yield dream_format.one_line(transition.next_state)


def _lines(trajectories: Sequence[Trajectory]) -> Iterator[str]:
    """What the models read and write of other worlds, line by line."""
    for trajectory in trajectories:
        yield f" {trajectory.task.instruction}"
        yield from LINE_HEADS
        for transition in trajectory.transitions:
            yield f" {transition.action.text}"
            yield f" {dream_format.one_line(transition.next_state)[:LEARNED_FROM]}"


def make_tokenizer(trajectories: Sequence[Trajectory]) -> PreTrainedTokenizerFast:
    """Names, line heads and phrases are one token each; every other word of the texts is one.

    Other worlds than ALFWorld hold words that nobody has listed, so theirs is learned, down to the byte.
    """
    if any(trajectory.task.environment != ALFWORLD for trajectory in trajectories):
        return learn_tokenizer(_lines(trajectories), most=TRACE_TOKENS)
    spoken = list(_spoken(trajectories))
    actions = sorted({t.action.text for trajectory in trajectories for t in trajectory.transitions})
    phrases = learn_phrases([*spoken, *actions])
    instructions = sorted({trajectory.task.instruction for trajectory in trajectories})
    told = sorted({turn.reasoning for t in trajectories for turn in t.transitions if turn.reasoning})
    kinds = " ".join([*catalogue.RECEPTACLE_KINDS, *catalogue.THING_KINDS])
    sentences = [*sorted(set(spoken)), *actions, *instructions, *told, kinds, "Your task is to: <|>"]
    return build_tokenizer(
        vocabulary_names(), [*(f" {text}" for text in sentences), SHEET_WORDS, "\\", *LINE_HEADS], phrases
    )

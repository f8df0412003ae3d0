"""The tokenizer that both embedded models share, made from offline trajectories' own text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from transformers import PreTrainedTokenizerFast

from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.alfworld import catalogue
from dreamgym.models import dream_format
from dreamgym.models.quoting import SAID
from dreamgym.models.sheet import LISTED, NAME
from dreamgym.models.tokenizer import build_tokenizer, learn_phrases, learn_tokenizer
from dreamgym.training.annotation import PLAIN, annotator_of
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
MOST_NUMBERED = 100  # of a kind; sums of money are as they were seen
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

    Worlds that nobody has written rules of hold any words, so theirs is learned, down to the byte.
    """
    if any(annotator_of(trajectory.task) is PLAIN for trajectory in trajectories):
        return learn_tokenizer(_lines(trajectories), most=TRACE_TOKENS)
    spoken = list(_spoken(trajectories))
    actions = sorted({t.action.text for trajectory in trajectories for t in trajectory.transitions})
    annotator = annotator_of(trajectories[0].task) if trajectories else PLAIN
    known = annotator.phrases
    phrases = learn_phrases([*spoken, *actions]) if known is None else sorted(known, key=_longest_first)
    instructions = sorted({trajectory.task.instruction for trajectory in trajectories})
    told = sorted({turn.reasoning for t in trajectories for turn in t.transitions if turn.reasoning})
    sentences = [*sorted(set(spoken)), *actions, *instructions, *told, "Your task is to: <|>"]
    if all(trajectory.task.environment == ALFWORLD for trajectory in trajectories):
        names, written = vocabulary_names(), [" ".join([*catalogue.RECEPTACLE_KINDS, *catalogue.THING_KINDS])]
    else:
        written = sorted(_facts(trajectories))
        names = names_in(_keys(trajectories) if annotator.apart else written)
    texts = (f" {text}" for text in [*sentences, *written])
    return build_tokenizer(names, [*texts, SHEET_WORDS, "\\", *LINE_HEADS], phrases, apart=annotator.apart)


def _longest_first(phrase: str) -> tuple[int, str]:
    """The order in which phrases are looked for."""
    return -len(phrase), phrase


def names_in(texts: Iterable[str]) -> list[str]:
    """Every kind that the texts number, with every number up to the highest: unseen ones are read, too."""
    most: Counter[str] = Counter()
    for text in texts:
        for name in NAME.findall(text):
            kind, _, number = name.rpartition(" ")
            most[kind] = max(most[kind], min(int(number), MOST_NUMBERED))
    return [f"{kind} {number}" for kind in sorted(most) for number in range(most[kind] + 1)]


def _keys(trajectories: Sequence[Trajectory]) -> set[str]:
    """The keys of the sheets that are names."""
    sheets = (annotator_of(trajectory.task).hindsight(trajectory) for trajectory in trajectories)
    return {key for sheet in sheets for key, _ in sheet.facts if NAME.fullmatch(key)}


def _facts(trajectories: Sequence[Trajectory]) -> set[str]:
    """What the sheets of the trajectories say, key and value, and what their reasoning is written in."""
    told = {SHEET_WORDS, SAID, LISTED}
    for trajectory in trajectories:
        annotator = annotator_of(trajectory.task)
        sheet = annotator.hindsight(trajectory)
        told |= {f"{key} {value}" for key, value in sheet.facts}
        for turn in annotator.annotate(trajectory, sheet):
            told |= {f"{key} {value}" for key, value in turn.answer.changes} | {turn.answer.check}
            if turn.written is not None:
                told |= {turn.written.next_state, *(value for _, value in turn.written.changes)}
    return told

"""A teacher's reasoning becomes that of Eq. 5: read off the rows, and by the dream that is fitted on them."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.config import ReasoningModelConfig
from dreamgym.core.data_structures import Action, Origin, StopReason, Task, Trajectory, Transition
from dreamgym.core.serialization import encode
from dreamgym.models.dream_format import render_reasoning, split_quotes, told_quotes
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.training.embedded import make_tokenizer
from dreamgym.training.experience_rows import experience_rows
from dreamgym.training.fit import fit_experience
from dreamgym.training.fit_start import FitChoices
from dreamgym.training.models import ASSETS, FIT_RECORD
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.supervised import Part
from dreamgym.training.taught import is_taught, to_fit
from dreamgym.training.teacher_forcing import teacher_forced

HISTORY = ReasoningModelConfig(context="history", top_k=0)


def desk(*, taught: bool = True) -> Trajectory:
    """Two turns at an order desk, an environment that no annotator of ours knows."""
    refused = Transition(
        state="A desk. Orders: 7.",
        action=Action(text="refund order 9"),
        reward=0.0,
        next_state="Error: there is no order 9.",
        valid=False,
        reasoning=render_reasoning("Only order 7 is listed.\nok\nreward: 1", valid=False) if taught else "",
    )
    paid = Transition(
        state=refused.next_state,
        action=Action(text="refund order 7"),
        reward=1.0,
        next_state="Refunded.\nBye.",
        terminated=True,
        reasoning=(
            render_reasoning("Order 7 is listed, so it is refunded as asked.", valid=True) if taught else ""
        ),
    )
    task = Task(id="orders/7", environment="orders", instruction="Refund order 7.", opening=refused.state)
    return Trajectory(
        id="desk",
        task=task,
        origin=Origin.REAL,
        transitions=(refused, paid),
        stop_reason=StopReason.TERMINATED,
    )


def test_the_row_holds_the_reasoning_before_the_answer_and_learns_it() -> None:
    trajectory = desk()
    tokenizer = make_tokenizer([trajectory])
    (row,) = experience_rows([trajectory], tokenizer, HISTORY, seed=0)
    assert tokenizer.decode(row.token_ids) == (
        "\ntask: Refund order 7.\nsees: A desk. Orders: 7."
        "\naction: refund order 9\n> because = Only order 7 is listed. ok reward: 1"
        "\nfail\nnext: Error: there is no order 9.\nreward: 0\ndone: no"
        "\naction: refund order 7\n> because = Order 7 is listed, so it is refunded as asked."
        "\nok\nnext: Refunded.\\nBye.\nreward: 1\ndone: yes"
    )
    of_part = {part: tokenizer.decode(row.token_ids[row.parts == part]) for part in Part}
    assert of_part[Part.REASONING] == (
        "\n> because = Only order 7 is listed. ok reward: 1\nfail"
        "\n> because = Order 7 is listed, so it is refunded as asked.\nok"
    )
    assert of_part[Part.REWARD] == "\nreward: 0\ndone: no\nreward: 1\ndone: yes"


def test_a_dream_that_answers_so_is_read_and_reads_its_own_reasoning_back() -> None:
    """The episode in a dream that answers as the row does; what it reads is the row's beginning."""
    trajectory = desk()
    tokenizer = make_tokenizer([trajectory])
    (row,) = experience_rows([trajectory], tokenizer, HISTORY, seed=0)
    text = tokenizer.decode(row.token_ids)
    client = ScriptedClient(_answers(text))
    turns = asyncio.run(
        teacher_forced(ReasoningExperienceModel(HISTORY, client), [trajectory], concurrency=1)
    )
    assert [turn.dreamed_state for turn in turns] == [turn.real_state for turn in turns]
    assert [turn.dreamed_reward for turn in turns] == [0.0, 1.0]
    assert len(client.prompts) == 2
    assert all(text.startswith(prompt) for prompt in client.prompts)


def _answers(text: str) -> list[str]:
    """What stands behind the actions of an episode's text, up to the next action."""
    pieces = text.split("\naction: ")[1:]
    return [piece[piece.index("\n") :] for piece in pieces]


@given(st.text(min_size=1, max_size=200).filter(lambda text: text.strip().isprintable()), st.booleans())
def test_any_words_of_a_teacher_are_one_quote(words: str, valid: bool) -> None:
    reasoning = render_reasoning(words, valid=valid)
    said = " ".join(words.split())
    if said:
        assert told_quotes(reasoning) == (("because", said),)
        answer = "\nnext: x\nreward: 0\ndone: no"
        assert split_quotes(reasoning + answer)[0] == [("because", said)]


@given(st.text(max_size=300), st.booleans())
def test_no_words_of_a_teacher_write_a_line_of_the_answer(words: str, valid: bool) -> None:
    lines = render_reasoning(f"x {words}", valid=valid).split("\n")
    assert lines[0] == ""
    assert lines[1].startswith("> because = x")
    assert lines[2:] == ["ok" if valid else "fail"]


def test_reasoning_in_no_form_of_ours_is_one_quote() -> None:
    assert told_quotes("It is\nlisted.") == (("because", "It is listed."),)
    assert told_quotes("\n> desk = open\n> order 7 = paid\nok") == (("desk", "open"), ("order 7", "paid"))
    assert told_quotes("") == ()


def test_what_has_no_reasoning_is_left_out_and_said() -> None:
    plain = desk(taught=False)
    half = replace(desk(), transitions=(desk().transitions[0], plain.transitions[1]))
    assert [is_taught(t) for t in (desk(), plain, half, replace(plain, transitions=()))] == [
        True,
        False,
        False,
        False,
    ]
    fitted, form, note = to_fit([plain, desk(), half], ReasoningModelConfig(context="history", history=2))
    assert form == HISTORY
    assert fitted == [desk()]
    assert note == "2 of 3 episodes have no teacher's reasoning and are left out"
    assert to_fit([desk()], HISTORY) == ([desk()], HISTORY, "")
    assert to_fit([plain], HISTORY) == ([plain], HISTORY, "")
    sheets = ReasoningModelConfig(context="sheet", history=2)
    everything, form, note = to_fit([plain, desk()], sheets)
    assert (everything, form) == ([plain, desk()], sheets)
    assert "--context history" in note


def test_data_without_a_teacher_is_fitted_as_before() -> None:
    trajectories = list(read_trajectories(ASSETS / "offline" / "heldout.jsonl.gz"))[:3]
    taught = [
        replace(
            t,
            transitions=tuple(
                replace(turn, reasoning=render_reasoning("So it is.", valid=turn.valid))
                for turn in t.transitions
            ),
        )
        for t in trajectories
    ]
    tokenizer = make_tokenizer(taught)
    texts = {}
    for name, data, form in (
        ("rules", trajectories, HISTORY),
        ("teacher", taught, HISTORY),
        ("sheet, rules", trajectories, ReasoningModelConfig(context="sheet", top_k=0)),
        ("sheet, teacher", taught, ReasoningModelConfig(context="sheet", top_k=0)),
    ):
        texts[name] = [
            tokenizer.decode(row.token_ids) for row in experience_rows(data, tokenizer, form, seed=0)
        ]
    assert texts["sheet, rules"] == texts["sheet, teacher"]
    assert all("> because" not in text for text in texts["rules"])
    for ruled, told, trajectory in zip(texts["rules"], texts["teacher"], trajectories, strict=True):
        assert told.count("\n> because = So it is.\n") == len(trajectory.transitions)
        unreasoned = [
            "\n".join(line for line in text.split("\n") if not line.startswith(("> ", "task: ")))
            for text in (ruled, told)
        ]
        assert unreasoned[0] == unreasoned[1]


@pytest.mark.slow
def test_a_taught_environment_of_nobody_is_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a folder of data to a model that writes the reasoning; what has none is told and left out."""
    data = tmp_path / "data"
    data.mkdir()
    _write(
        data / "train.jsonl.gz", [replace(desk(), id=f"desk {n}") for n in range(40)] + [desk(taught=False)]
    )
    fit_experience(data, tmp_path / "model", form=HISTORY, choices=FitChoices(epochs=30.0))
    out = capsys.readouterr().out
    assert "1 of 41 episodes have no teacher's reasoning and are left out" in out
    assert "(reasoning " in out
    curve = json.loads((tmp_path / "model" / FIT_RECORD).read_text("utf-8"))["curve"]
    (_, first), *_, (_, last) = curve
    assert last < 0.1 < first  # of all that is written, which is reasoning above all


def _write(path: Path, trajectories: list[Trajectory]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(encode(t)) + "\n" for t in trajectories)

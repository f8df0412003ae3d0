"""A dream of traces: its rows, its measurement, its end, and what it refuses to be asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.config import (
    DreamGymConfig,
    EnvironmentConfig,
    FidelityConfig,
    ReasoningModelConfig,
)
from dreamgym.core.config_io import load_config
from dreamgym.core.data_structures import Origin, Task, Trajectory
from dreamgym.core.errors import ConfigError
from dreamgym.environments.dream import DreamEnv
from dreamgym.models.dream_format import parse_answer
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.tokenizer import encode, learn_tokenizer
from dreamgym.training.annotation import NO_SHEET, annotator_of, plainly
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.experience_rows import experience_rows
from dreamgym.training.fidelity import rates
from dreamgym.training.fit_rows import answer_segments, cut, written
from dreamgym.training.offline_data import read_trajectories
from dreamgym.training.settings import PRESETS
from dreamgym.training.supervised import Part
from dreamgym.training.teacher_forcing import first_looks, teacher_forced
from dreamgym.training.traces.chat import read_chat
from dreamgym.training.traces.convert import OVER, Origins, to_trajectory
from dreamgym.training.traces.fidelity import weaknesses
from dreamgym.training.traces.ingest import Ingest
from dreamgym.utils.progress import PlainReporter
from trace_files import call, openai_tools, write_lines

FORM = ReasoningModelConfig(context="history", reasoning=False, closed_world=False, top_k=0)
REFUSED = {
    "messages": [
        {"role": "user", "content": "Cancel order 7."},
        {"role": "assistant", "tool_calls": [call("a", "cancel", id=8)]},
        {"role": "tool", "tool_call_id": "a", "content": "Error: no\norder 8"},
        {"role": "assistant", "content": "I cannot."},
    ],
    "reward": 0,
}


def trajectory_of(record: dict[str, object]) -> Trajectory:
    origins = Origins(id="t", file="f", place=1, unit="line", format="chat")
    return to_trajectory(read_chat(record), origins)


def test_a_row_is_the_whole_episode_with_its_answers_as_they_came() -> None:
    trajectory = trajectory_of(REFUSED)
    tokenizer = learn_tokenizer(["Cancel order 7."], most=300)
    (row,) = experience_rows([trajectory], tokenizer, FORM, seed=0)
    assert tokenizer.decode(row.token_ids.tolist()) == (
        "\ntask: Cancel order 7.\nsees: Cancel order 7."
        '\naction: cancel {"id": 8}\nfail\nnext: Error: no\\norder 8\nreward: 0\ndone: no'
        f"\naction: I cannot.\nok\nnext: {OVER}\nreward: 0\ndone: no"
    )
    learned = tokenizer.decode(row.token_ids[row.mask].tolist())
    assert learned == (
        "\nfail\nnext: Error: no\\norder 8\nreward: 0\ndone: no" f"\nok\nnext: {OVER}\nreward: 0\ndone: no"
    )


def test_every_answer_of_a_trace_is_one_that_a_dream_can_give() -> None:
    for record in (openai_tools(3), openai_tools(3, reward=0.0), REFUSED):
        trajectory = trajectory_of(record)
        for turn, real in zip(plainly(trajectory, NO_SHEET), trajectory.transitions, strict=True):
            parts = list(answer_segments("", turn, keeps_sheet=False, reasoning=False))
            said = parse_answer("".join(text for text, _ in parts))
            assert Part.GIVEN not in [part for _, part in parts]
            assert (said.next_state, said.reward, said.done) == (
                real.next_state,
                real.reward,
                real.terminated,
            )
            assert said.valid is real.valid


def test_long_rows_are_cut_to_what_the_model_can_read() -> None:
    tokenizer = learn_tokenizer(["x"], most=300)
    (row,) = experience_rows([trajectory_of(REFUSED)], tokenizer, FORM, seed=0)
    (short,) = cut([row], 10)
    assert short.token_ids.tolist() == row.token_ids[:10].tolist()
    assert short.mask.tolist() == row.mask[:10].tolist()
    assert cut([row], 10_000) == [row]


@given(
    lines=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=2, max_size=4),
)
def test_the_learned_tokenizer_loses_nothing_and_never_joins_lines(lines: list[str]) -> None:
    tokenizer = LEARNED
    pieces = [f"\n{line}" for line in lines]
    apart = [token for piece in pieces for token in encode(tokenizer, piece)]
    assert encode(tokenizer, "".join(pieces)) == apart
    assert tokenizer.decode(apart, skip_special_tokens=False) == "".join(pieces)
    assert tokenizer.unk_token_id not in apart


LEARNED = learn_tokenizer(['\naction: get_order {"order_id": 12}', "\nreward: 0"] * 50, most=400)


def test_digits_are_tokens_of_their_own_and_usual_words_are_one() -> None:
    assert LEARNED.convert_ids_to_tokens(encode(LEARNED, " order_id 305")) == [
        "Ġ",
        "order_id",
        "Ġ",
        "3",
        "0",
        "5",
    ]


class Repeats(ReasoningExperienceModel):
    """Dreams what the traces hold for a history, read off the prompt as it is written."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__(FORM, ScriptedClient(answers))


def test_teacher_forcing_tells_a_true_dream_from_one_that_believes_everything() -> None:
    trajectories = [trajectory_of(REFUSED), trajectory_of(openai_tools(7))]
    true = {
        f"\naction: {turn.action}": written("", turn, keeps_sheet=False, reasoning=False)
        for trajectory in trajectories
        for turn in plainly(trajectory, NO_SHEET)
    }
    turns = asyncio.run(teacher_forced(Repeats(true), trajectories))
    assert [turn.exact for turn in turns] == [True] * 5
    assert [turn.invalid for turn in turns] == [True, False, False, False, False]
    assert [turn.refused for turn in turns] == [True, False, False, False, False]
    assert not any(turn.false_win for turn in turns)
    gullible = dict.fromkeys(true, "\nok\nnext: Yes.\nreward: 1\ndone: yes")
    assert weaknesses(rates(turns), FidelityConfig()) == []
    turns = asyncio.run(teacher_forced(Repeats(gullible), trajectories))
    refusals, wins = weaknesses(rates(turns), FidelityConfig())
    assert "0.0%" in refusals  # of one invalid action
    assert "800.0" in wins  # four false wins in five turns
    assert not any(turn.exact or turn.refused for turn in turns)
    assert [turn.false_win for turn in turns] == [True, True, True, True, False]
    assert asyncio.run(first_looks(Repeats(true), trajectories, seed=0)) == []


def test_a_dream_ends_where_the_traces_ended_so_that_nobody_tries_again_until_it_pays() -> None:
    answers = {
        "\naction: go on": "\nok\nnext: Yes.\nreward: 0\ndone: no",
        "\naction: give up": f"\nok\nnext: Bye.\\n{OVER}\nreward: 0\ndone: no",
    }
    task = Task(id="t", environment="traces", instruction="Do it.", opening="Hello.")

    async def dream(over: tuple[str, ...]) -> list[tuple[bool, bool]]:
        environment = DreamEnv(Repeats(answers), over=over)
        await environment.reset(task, 0)
        results = [await environment.step("go on"), await environment.step("give up")]
        return [(result.terminated, result.truncated) for result in results]

    assert asyncio.run(dream((OVER,))) == [(False, False), (False, True)]
    assert asyncio.run(dream(())) == [(False, False), (False, False)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("traces")
    path = write_lines(made / "a.jsonl", [openai_tools(order % 60) for order in range(90)])
    Ingest(folder=made / "out", reporter=PlainReporter(lambda _: None), heldout_share=0.3).run([path])
    return made / "out"


def test_the_tasks_are_the_traces_own_each_once_and_the_held_out_ones_are_evaluated_on(folder: Path) -> None:
    domain = open_domain(EnvironmentConfig(name="traces", offline_data=folder))
    panels = {name: domain.panels(name, None) for name in ("train", "valid")}
    asked = {name: [task.instruction for task in tasks] for name, tasks in panels.items()}
    assert len(asked["train"]) == len(set(asked["train"]))
    assert sorted(asked["train"] + asked["valid"]) == sorted(f"Cancel order {n}." for n in range(60))
    held = {t.task.instruction for t in read_trajectories(folder / "heldout.jsonl.gz")}
    assert held == set(asked["valid"])
    assert domain.panels("valid", 2) == panels["valid"][:2]
    assert (domain.make_real, domain.variator) == (None, None)
    assert annotator_of(panels["train"][0]).annotate is plainly


def test_traces_without_data_say_what_to_name() -> None:
    with pytest.raises(ConfigError, match="--traces FILE"):
        open_domain(EnvironmentConfig(name="traces"))


@pytest.mark.parametrize(
    "setting",
    [
        "training.phases=[{world: dream, iterations: 1}, {world: real, iterations: 1}]",
        "buffer.synthetic_ratio=0.5",
        "training.fidelity.audit=replay",
        "reasoning_model.closed_world=true",
        "reasoning_model.context=sheet",
    ],
)
def test_what_needs_a_real_world_or_a_sheet_is_refused_before_anything_runs(setting: str) -> None:
    preset = PRESETS / "traces.yaml"
    assert isinstance(load_config(preset), DreamGymConfig)
    with pytest.raises(ConfigError, match=setting.partition("=")[0].rpartition(".")[2]):
        load_config(preset, [setting])


def test_the_trajectories_are_real_ones(folder: Path) -> None:
    found = list(read_trajectories(folder / "train.jsonl.gz"))
    assert {trajectory.origin for trajectory in found} == {Origin.REAL}

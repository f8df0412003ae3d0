"""What an evaluation says of its episodes, and how they read."""

import asyncio
import json

import pytest

from countdown import Countdown, ScriptedPolicy, factory, make_task
from dreamgym.core.data_structures import Action, Origin, Sheet, StopReason, Trajectory, Transition
from dreamgym.training.episode_text import episode_text
from dreamgym.training.evaluation import Bout, Evaluation, PanelEvaluator, play_panel
from dreamgym.training.run_folder import RunFolder
from dreamgym.utils.progress import PlainReporter
from dreamgym.utils.stats import wilson


def ended(reason: StopReason, reward: float = 0.0, task_type: str = "") -> Trajectory:
    turn = Transition(state="s", action=Action(text="a"), reward=reward, next_state="t")
    task = make_task("lamp", task_type=task_type)
    return Trajectory(id="e", task=task, origin=Origin.REAL, transitions=(turn,), stop_reason=reason)


def test_success_is_of_the_episodes_that_measured_the_policy():
    evaluation = Evaluation(
        trajectories=(
            *[ended(StopReason.TERMINATED, 1.0, "heat")] * 3,
            *[ended(StopReason.TURN_LIMIT, 0.0, "heat")] * 2,
            ended(StopReason.CONTEXT_FULL, 0.0, "cool"),  # the agent's own doing: not solved
            ended(StopReason.ENDPOINT_ERROR, 0.0, "cool"),  # nobody knows
        )
    )
    assert evaluation.success == wilson(3, 6)
    assert evaluation.by_type == {"cool": wilson(0, 1), "heat": wilson(3, 5)}
    results = evaluation.to_json()
    assert (results["episodes"], results["solved"], results["failed"]) == (6, 3, {"endpoint_error": 1})
    assert results["by_type"]["heat"]["success"] == 0.6
    assert [task["outcome"] for task in results["tasks"]] == ["won"] * 3 + ["turn limit"] * 2 + [
        "context full",
        "endpoint error",
    ]
    assert evaluation.metrics("real")["eval/real/failed"] == 1
    assert evaluation.lines()[0] == f"all   {wilson(3, 6).percent()}"
    assert evaluation.lines()[-1] == "1 episodes failed and are left out (1 endpoint_error)"


def test_why_episodes_failed_is_told_on_one_line_that_no_text_can_forge():
    failed = ended(StopReason.ENVIRONMENT_ERROR).ended(
        StopReason.ENVIRONMENT_ERROR, detail="it\nsaid \x1b[2Jall   100.0 %"
    )
    (line,) = Evaluation(trajectories=(failed,)).lines()[1:]
    assert line.startswith("1 episodes failed and are left out (1 environment_error); the first, ")
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_part_of_the_reward_is_told_and_is_no_success():
    """As WebShop pays: bought the right thing, half of it, nothing."""
    rewards = (1.0, 0.5, 0.0)
    evaluation = Evaluation(trajectories=tuple(ended(StopReason.TERMINATED, reward) for reward in rewards))
    assert evaluation.success == wilson(1, 3)
    assert evaluation.mean_return == pytest.approx(0.5)
    assert evaluation.metrics("real")["eval/real/mean_return"] == pytest.approx(0.5)
    assert evaluation.lines()[1].split() == ["return", "0.500", "on", "average"]


def test_an_evaluation_that_measured_nothing_has_no_success():
    evaluation = Evaluation(trajectories=(ended(StopReason.TIMEOUT),))
    assert evaluation.to_json()["success"] is None
    assert "eval/real/success" not in evaluation.metrics("real")
    json.dumps(evaluation.to_json(), allow_nan=False)


def test_two_evaluations_play_the_same_tasks_with_the_same_seeds(tmp_path):
    policy = ScriptedPolicy("go")
    tasks = [make_task(str(n)) for n in range(3)]
    bout = Bout(name="real", tasks=tasks, make_environment=factory(Countdown), origin=Origin.REAL)
    with RunFolder(tmp_path) as folder:
        evaluator = PanelEvaluator(
            bouts=[bout], folder=folder, reporter=PlainReporter(), seed=1, concurrency=2, max_failed_share=0.5
        )
        for iteration in (0, 10):
            assert asyncio.run(evaluator.evaluate(policy, iteration))["eval/real/success"] == 1.0
    seeds = [agent.seed for agent in policy.agents]
    assert seeds[:3] == seeds[3:]
    assert len(set(seeds)) == 3
    assert json.loads((tmp_path / "evaluations" / "real_0010.json").read_text())["solved"] == 3
    assert "=== eval0010-real-002-00 · won · 2 turns" in (tmp_path / "episodes" / "real_0010.txt").read_text()


def test_an_evaluation_counts_a_broken_environment_apart():
    async def prepare(task, seed):
        return lambda: Countdown(fails_at=1 if task.id == "1" else None)

    tasks = [make_task(str(n)) for n in range(4)]
    playing = play_panel(ScriptedPolicy("go"), tasks, prepare, origin=Origin.REAL, seed=0, label="x")
    evaluation = asyncio.run(playing)
    assert (len(evaluation.trajectories), evaluation.success) == (4, wilson(3, 3))


def test_an_episode_reads_from_top_to_bottom():
    turns = (
        Transition(state="You see a lamp.", action=Action(text="take lamp"), reward=0.0, next_state="Taken."),
        Transition(
            state="Taken.",
            action=Action(text="use lamp"),
            reward=1.0,
            next_state="Light!",
            terminated=True,
            reasoning="> lamp 1 = in hand",
        ),
    )
    trajectory = Trajectory(
        id="seed1-iter0001",
        task=make_task(),
        origin=Origin.DREAMED,
        transitions=turns,
        stop_reason=StopReason.TERMINATED,
        sheet=Sheet(facts=(("lamp 1", "in desk 1"),)),
    )
    assert episode_text(trajectory) == (
        "=== seed1-iter0001 · won · 2 turns · dreamed\n"
        "task lamp: count to lamp\n"
        "sheet:\n"
        "    lamp 1: in desk 1\n"
        "    You see a lamp.\n"
        "1> take lamp\n"
        "    Taken.\n"
        "2> use lamp  [reward 1]\n"
        "  | > lamp 1 = in hand\n"
        "    Light!\n"
    )


@pytest.mark.parametrize("evil", ["\x1b[2J", "a\n=== fake · won", "a\r1> fake", "\u2028=== x", "\x9b31m"])
def test_no_text_can_steer_a_terminal_or_pass_for_a_heading(evil):
    turn = Transition(state=evil, action=Action(text=evil), reward=0.0, next_state=evil, reasoning=evil)
    task = make_task(evil)
    trajectory = Trajectory(
        id="e",
        task=task,
        origin=Origin.REAL,
        transitions=(turn,),
        stop_reason=StopReason.TIMEOUT,
        detail=evil,
    )
    lines = episode_text(trajectory).split("\n")
    assert all(character.isprintable() for line in lines for character in line)
    assert sum(line.startswith("===") for line in lines) == 1
    assert sum(line.startswith("1>") for line in lines) == 1

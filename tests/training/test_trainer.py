"""The loop calls its parts in order, keeps dreams and real turns apart, and stops at the best policy."""

import asyncio
import json
from itertools import product
from pathlib import Path

import pytest

from countdown import Countdown, make_task
from dreamgym.core.data_structures import Action, Origin, StopReason, Trajectory, Transition
from dreamgym.core.errors import NonFiniteLossError, TooManyFailuresError
from dreamgym.training.checkpoints import read_checkpoint
from dreamgym.training.exploitation import Audited
from dreamgym.training.parts import Audit
from dreamgym.training.trainer import MAX_FALLS, Trainer
from dreamgym.utils.metrics import read_metrics
from toy_run import LeastPlayed, ScriptedAuditor, toy_config, toy_trainer


def trained(
    folder: Path, iterations: int = 4, *overrides: str, auditor: ScriptedAuditor | None = None
) -> Trainer:
    trainer = toy_trainer(folder, toy_config(iterations, *overrides), auditor)
    with trainer.folder:
        asyncio.run(trainer.train())
    return trainer


def versions_seen(trainer: Trainer) -> list[int]:
    """Fills with the policy's version at every update."""
    seen: list[int] = []
    learn = trainer.parts.algorithm.update

    def update(policy, groups):
        seen.append(policy.version)
        return learn(policy, groups)

    trainer.parts.algorithm.update = update
    return seen


def replayed(*actions: str) -> list[Trajectory]:
    """What an audit kept of the real world: one trajectory of one turn each."""
    return [
        Trajectory(
            id=action,
            task=make_task("0"),
            origin=Origin.REAL,
            transitions=(Transition(state="s", action=Action(text=action), reward=0.0, next_state="t"),),
            stop_reason=StopReason.TURN_LIMIT,
        )
        for action in actions
    ]


def rollout_lines(trainer: Trainer) -> list[dict]:
    return [line for line in read_metrics(trainer.metrics.path) if "rollout/episodes" in line]


def test_the_run_learns_what_wins(tmp_path):
    trainer = trained(tmp_path, 30)
    first, last = rollout_lines(trainer)[0], rollout_lines(trainer)[-1]
    assert first["rollout/dreamed_success"] < 0.85
    assert last["rollout/dreamed_success"] == 1.0
    assert last["rollout/dreamed_turns_per_episode"] < 2.7  # the fewest possible are 2


def test_a_run_of_dreams_uses_no_real_turn(tmp_path):
    trainer = trained(tmp_path)
    assert (trainer.counters.real_turns, trainer.counters.episodes) == (0, 4 * 12)
    assert trainer.counters.dreamed_turns == trainer.parts.replay_buffer.kept["turns"] > 0
    assert trainer.counters.agent_tokens == trainer.counters.dreamed_turns  # one token a turn here


def test_phases_choose_the_world_and_real_ones_ask_for_no_synthetic_task(tmp_path):
    phases = "training.phases=[{world: dream, iterations: 1}, {world: real, iterations: 2}]"
    trainer = trained(tmp_path, 1, phases)
    assert trainer.parts.curriculum.asked == [(3, True), (3, False), (3, False)]
    assert [line["rollout/real_turns"] > 0 for line in rollout_lines(trainer)] == [False, True, True]


def test_the_synthetic_ratio_splits_an_iteration(tmp_path):
    trainer = trained(tmp_path, 1, "buffer.synthetic_ratio=0.34")
    assert trainer.parts.curriculum.asked == [(1, True), (2, False)]
    (line,) = rollout_lines(trainer)
    assert {"rollout/dreamed_success", "rollout/real_success"} <= line.keys()
    assert line["rollout/episodes"] == 12


def test_evaluations_fall_at_the_start_at_the_end_and_when_due(tmp_path):
    assert trained(tmp_path / "a", 5).parts.evaluator.seen == [0, 5]
    assert trained(tmp_path / "b", 5, "training.eval_every=2").parts.evaluator.seen == [0, 2, 4, 5]


def test_checkpoints_fall_at_the_start_when_due_and_at_the_end(tmp_path):
    trained(tmp_path, 5)
    assert sorted(path.name for path in tmp_path.glob("policy_iter_*.json")) == [
        f"policy_iter_{n:04d}.json" for n in (0, 2, 4, 5)
    ]


def test_every_iteration_is_in_the_metrics_with_its_parts_and_a_group_to_read(tmp_path):
    trainer = trained(tmp_path)
    lines = rollout_lines(trainer)
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4]
    for line in lines:
        assert {
            "rl/baseline",
            "replay/size",
            "curriculum/played",
            "time/collect",
            "time/learn",
        } <= line.keys()
    assert sum(line["rollout/dreamed_turns"] for line in lines) == lines[-1]["total/dreamed_turns"]
    assert "1> " in (tmp_path / "episodes" / "rollouts_0001.txt").read_text()
    assert len((tmp_path / "episodes" / "rollouts_0001.jsonl").read_text().splitlines()) == 2
    groups = [
        json.loads(line) for line in (tmp_path / "episodes" / "tasks_0004.jsonl").read_text().splitlines()
    ]
    assert [len(group["returns"]) for group in groups] == [4, 4, 4]


def test_a_resumed_run_forgets_the_episodes_that_it_plays_again(tmp_path):
    trainer = trained(tmp_path)
    trainer.folder.forget_after(2)
    left = sorted(path.name for path in (tmp_path / "episodes").glob("*.jsonl"))
    kinds = ("rollouts", "tasks")
    assert left == [f"{kind}_{iteration:04d}.jsonl" for kind in kinds for iteration in (1, 2)]


def with_broken_dreams(trainer: Trainer, broken: int) -> None:
    """Every ``broken``-th dream fails in its first turn."""
    made = 0

    async def prepare(task, seed):
        def make():
            nonlocal made
            made += 1
            return Countdown(
                length=2, limit=4, origin=Origin.DREAMED, fails_at=1 if made % broken == 0 else None
            )

        return make

    trainer.parts.worlds[Origin.DREAMED] = prepare


def test_failed_episodes_are_counted_and_never_a_zero_reward(tmp_path):
    trainer = toy_trainer(tmp_path, toy_config(1))
    with_broken_dreams(trainer, broken=4)
    seen = []
    learn = trainer.parts.algorithm.update
    trainer.parts.algorithm.update = lambda policy, groups: seen.extend(groups) or learn(policy, groups)
    asyncio.run(trainer.train())
    (line,) = rollout_lines(trainer)
    assert (line["failures/environment_error"], line["rollout/failed_share"]) == (3, 0.25)
    assert [len(group.returns) for group in seen] == [3, 3, 3]
    solved = sum(sum(group.returns) for group in seen)
    assert line["rollout/dreamed_success"] == pytest.approx(solved / 9)


def test_too_many_failures_end_the_run_and_leave_its_checkpoint(tmp_path):
    trainer = toy_trainer(tmp_path, toy_config(4))
    with_broken_dreams(trainer, broken=1)
    with pytest.raises(TooManyFailuresError, match="7 of 12 episodes failed"):
        asyncio.run(trainer.train())
    assert (trainer.finished, trainer.counters.episodes) == (0, 0)
    assert (tmp_path / "policy_iter_0000.json").exists()


@pytest.mark.parametrize("action", ["warn", "stop"])
def test_an_exploited_dream_warns_or_stops_at_the_best_policy(tmp_path, capsys, action):
    scores = [
        Audit(score=0.3, audited=Audited(0, 5)),
        Audit(score=0.5, audited=Audited(0, 5)),
        Audit(score=0.4, audited=Audited(0, 5)),
        Audit(score=0.1, audited=Audited(8, 8)),
    ]
    auditor = ScriptedAuditor(scores)
    trainer = trained(tmp_path, 6, f"training.fidelity.on_exploitation={action}", auditor=auditor)
    said = "the dream is being exploited: audits deny the wins of 8 of the last 23 dreamed episodes"
    assert said in capsys.readouterr().out
    # The audit of the second iteration measured the policy that one iteration had made.
    assert trainer.counters.best_iteration == 1
    flags = [line.get("audit/exploited") for line in rollout_lines(trainer)]
    assert flags == [0, 0, 0, 1, None, None][: len(flags)]
    assert trainer.finished == (6 if action == "warn" else 1)
    assert trainer.parts.policy.version == trainer.finished
    assert trainer.parts.evaluator.seen == [0, trainer.finished]
    assert [line["iteration"] for line in rollout_lines(trainer)] == list(
        range(1, 7 if action == "warn" else 5)
    )


def test_an_audit_without_a_score_goes_back_to_the_last_policy_it_had_nothing_against(tmp_path):
    audits = [Audit(), Audit(), Audit(audited=Audited(4, 4))]
    trainer = trained(tmp_path, 6, "training.fidelity.on_exploitation=stop", auditor=ScriptedAuditor(audits))
    assert (trainer.finished, trainer.parts.policy.version) == (1, 1)


FLAGGED = Audit(score=0.1, audited=Audited(8, 8), real=tuple(replayed("a", "b")), real_turns=2)
GOOD_THEN_BAD = [Audit(score=0.3, audited=Audited(0, 5)), Audit(score=0.5, audited=Audited(0, 5)), FLAGGED]


@pytest.mark.parametrize("action", ["fall_back", "refresh"])
def test_a_run_that_falls_back_goes_on_from_the_best_policy(tmp_path, capsys, action):
    settings = (f"training.fidelity.on_exploitation={action}", "training.fidelity.audit=replay")
    trainer = toy_trainer(tmp_path, toy_config(5, *settings), ScriptedAuditor(list(GOOD_THEN_BAD)))
    seen = versions_seen(trainer)
    with trainer.folder:
        asyncio.run(trainer.train())
    assert (trainer.finished, trainer.counters.falls, trainer.counters.best_iteration) == (5, 1, 1)
    # Version 1 was the best. The third iteration's update is taken back; the fourth learns from version 1.
    assert seen == [0, 1, 2, 1, 2]
    assert "fallen back to the policy of" in capsys.readouterr().out
    turns = [line["rollout/dreamed_turns"] for line in rollout_lines(trainer)]
    # Refreshed: what was dreamed after the best policy is forgotten, the audited real turns are kept.
    kept = sum(turns) if action == "fall_back" else turns[0] + 2 + turns[3] + turns[4]
    assert trainer.parts.replay_buffer.kept["turns"] == kept


def test_a_dream_that_nothing_mends_ends_the_run(tmp_path):
    auditor = ScriptedAuditor([*GOOD_THEN_BAD, FLAGGED, FLAGGED])
    trainer = trained(tmp_path, 9, "training.fidelity.on_exploitation=fall_back", auditor=auditor)
    assert trainer.counters.falls == MAX_FALLS == 2
    assert len(rollout_lines(trainer)) == 5  # two falls, and the third flag
    assert (trainer.finished, trainer.parts.policy.version) == (1, 1)


@pytest.mark.parametrize(
    ("action", "killed_in"),  # a run that stopped at the flag, in iteration 2, has nothing to continue
    [*product(["warn", "fall_back", "refresh"], [2, 3]), ("stop", 2)],
)
def test_a_run_killed_around_a_flag_and_continued_ends_as_one_that_never_was(tmp_path, action, killed_in):
    settings = (f"training.fidelity.on_exploitation={action}", "training.fidelity.audit=replay")

    def opened(folder: Path) -> Trainer:
        config = toy_config(5, *settings, "training.checkpoint_every=1")
        return toy_trainer(folder, config, ScriptedAuditor(list(GOOD_THEN_BAD)))

    whole = opened(tmp_path / "whole")
    asyncio.run(whole.train())
    killed = opened(tmp_path / "killed")
    audit = killed.parts.auditor.audit

    async def until_killed(iteration, groups):
        if iteration == killed_in:
            raise KeyboardInterrupt
        return await audit(iteration, groups)

    killed.parts.auditor.audit = until_killed
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(killed.train())
    killed.folder.close()
    continued = opened(tmp_path / "killed")
    continued.resume(continued.folder.resume())
    asyncio.run(continued.train())
    assert continued.counters == whole.counters
    assert continued.parts.policy.kept == whole.parts.policy.kept
    assert continued.parts.replay_buffer.kept == whole.parts.replay_buffer.kept


def test_where_nothing_is_dreamed_nothing_is_exploited(tmp_path):
    audits = [Audit(audited=Audited(4, 4)), Audit(), Audit(audited=Audited(0, 4))]
    trainer = trained(tmp_path, 3, auditor=ScriptedAuditor(audits))
    # 4 of 4, then nothing that was looked at, then 4 of 8, whose lower end is 21.5 %.
    assert [line.get("audit/exploited") for line in rollout_lines(trainer)] == [1, None, 1]


def test_real_turns_of_audits_are_real_turns(tmp_path):
    auditor = ScriptedAuditor([Audit(real_turns=7, metrics={"gap": 0.1}), Audit(real_turns=5)])
    trainer = trained(tmp_path, 2, auditor=auditor)
    lines = rollout_lines(trainer)
    assert [line["total/real_turns"] for line in lines] == [7, 12]
    assert lines[0]["audit/gap"] == 0.1


def test_an_interrupt_while_waiting_saves_whole_iterations_and_one_while_learning_does_not(tmp_path):
    trainer = toy_trainer(tmp_path, toy_config(4, "training.checkpoint_every=100"))
    collected = 0

    async def interrupted(iteration, groups):
        nonlocal collected
        collected += 1
        if collected == 3:
            raise KeyboardInterrupt
        return Audit()

    trainer.parts.auditor.audit = interrupted
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(trainer.train())
    saved = trainer.save_interrupted()
    assert saved == tmp_path / "policy_iter_0002.json"
    assert json.loads(saved.read_text())["counters"]["episodes"] == 24
    # The third iteration had drawn its tasks; resumed, it draws them again.
    curriculum = LeastPlayed(trainer.parts.curriculum.tasks)
    read_checkpoint(saved).restore({"curriculum": curriculum})
    assert curriculum.kept["drawn"] == curriculum.kept["played"]
    assert curriculum.kept["drawn"] != trainer.parts.curriculum.kept["drawn"]

    def diverges(policy, groups):
        raise NonFiniteLossError("the loss is nan")

    trainer.parts.algorithm.update = diverges
    with pytest.raises(NonFiniteLossError):
        asyncio.run(trainer.train())
    assert trainer.save_interrupted() is None

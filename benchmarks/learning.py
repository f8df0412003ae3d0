"""What the agent learns: the arms of docs/results.md, each over some seeds, and the table they make.

    python benchmarks/learning.py [--arms ARM ...] [--seeds 1 2 3] [--jobs 2]
        [--folder FOLDER] [--data FOLDER]

An arm is `dreamgym train` with the overrides below. A run that is finished is not run again, one that was
cut short is continued, so the same command may be repeated. With official games (`--data`, DREAMGYM_DATA)
the start and every last policy also play all of `valid_seen`. The table is printed as Markdown. Some arms
dream in models of their own, which `python benchmarks/dream_models.py` fits and measures first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from dreamgym.utils.stats import Interval, t_interval, wilson

DREAM, REAL = "{{world: dream, iterations: {}}}", "{{world: real, iterations: {}}}"
MODEL, SHOWN = "reasoning_model.name=data/checkpoints/fitted/{}", "reasoning_model.context={}"
UNAIDED = "reasoning_model.top_k=0"
AUDITED = "training.fidelity.audit=replay"  # is this dream exploited, and does the audit say so?
ARMS = {
    "dream GRPO": (),
    "real GRPO": (f"training.phases=[{REAL.format(20)}]",),
    "dream PPO": ("rl.algorithm=ppo",),
    "S2R": (f"training.phases=[{DREAM.format(40)}, {REAL.format(1)}]",),  # as configs/alfworld.yaml
    "without replay": (UNAIDED,),
    "without curriculum": ("curriculum.difficulty_increment=0", "curriculum.synthetic_share=0"),
    "half fit": (MODEL.format("quotes"),),  # what the next two are to be compared with
    "without reasoning": (
        MODEL.format("sheet-no-reasoning"),
        SHOWN.format("sheet"),
        UNAIDED,
        "reasoning_model.reasoning=false",
    ),
    "plain history": (MODEL.format("history"), SHOWN.format("history"), UNAIDED),
    "without invalid actions": (MODEL.format("no-invalid"), AUDITED),
    "under-trained dream": (MODEL.format("undertrained"), AUDITED),
}
COMMON = (
    "training.eval_every=5",  # for learning_curves.py
    "training.fidelity.gate=false",  # bad dreams are to be trained in, too; dream_models.py measures them
    "training.fidelity.episodes=16",
    "training.max_failed_share=1.0",  # bad dreams break off, too
)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS), metavar="ARM")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=Path("results/learning"))
    parser.add_argument("--data", type=Path, default=os.environ.get("DREAMGYM_DATA"))
    options = parser.parse_args()
    with ThreadPoolExecutor(options.jobs) as pool:
        jobs = [
            pool.submit(finish, options.folder / slug(arm) / str(seed), arm, seed, options.data)
            for seed, arm in product(options.seeds, options.arms)
        ]
        runs = [job.result() for job in jobs]
    print(table(options.arms, runs))


def slug(arm: str) -> str:
    """A folder's name."""
    return arm.lower().replace(" ", "-")


def finish(folder: Path, arm: str, seed: int, data: Path | None) -> dict[str, Any]:
    """The run's summary; what is missing of the run is run."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = folder / "summary.json"
    if not summary.exists():
        resume = ["--resume"] if list(folder.glob("policy_iter_*.json")) else []
        places = [f"training.output_dir={folder}", f"training.log_dir={folder / 'logs'}"]
        dreamgym(folder / "train.log", "train", "--seed", str(seed), *resume, *places, *COMMON, *ARMS[arm])
    flagged = (folder / "train.log").read_text().count("the dream is being exploited")
    result: dict[str, Any] = {"arm": arm, "seed": seed, "flagged": flagged, **json.loads(summary.read_text())}
    for world, when in product(("real", "dreamed"), ("before", "after")):
        iteration = 0 if when == "before" else result["iterations"]
        file = folder / "evaluations" / f"{world}_{iteration:04d}.json"
        result["evaluations"][world][when] = json.loads(file.read_text())
    if data is not None:
        manifests = {"before": str(folder / "policy_iter_0000.json"), "after": result["checkpoint"]}
        result["official"] = {when: official(folder, m, when, data, seed) for when, m in manifests.items()}
    return result


def official(folder: Path, manifest: str, when: str, data: Path, seed: int) -> dict[str, Any]:
    """The 140 official games of seen rooms, played by a checkpoint."""
    output = folder / f"valid_seen_{when}.json"
    if not output.exists():
        games = ["--panel", "valid_seen", "--num-episodes", "140", f"environment.data_dir={data}"]
        games += ["--seed", str(seed)]
        dreamgym(
            folder / "evaluate.log", "evaluate", "--checkpoint", manifest, "--output", str(output), *games
        )
    results: dict[str, Any] = json.loads(output.read_text())
    return results


def dreamgym(log: Path, *arguments: str) -> None:
    """One command on one core: as many run side by side as there are cores."""
    with log.open("a", encoding="utf-8") as stream:
        print(f"{log.parent}: dreamgym {' '.join(arguments)}", file=sys.stderr, flush=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "dreamgym.cli.main", *arguments]
        subprocess.run(command, check=True, stdout=stream, stderr=stream, env=environment)


def table(arms: list[str], runs: list[dict[str, Any]]) -> str:
    """One line per arm: its success over games and over seeds, with Student's intervals, and each seed."""
    names = (
        "real success",
        "mean over seeds",
        "seeds",
        "dreamed",
        "gap, points",
        "flagged",
        "valid_seen",
        "real turns",
        "minutes",
    )
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    first = list({run["seed"]: run for run in runs}.values())  # every arm of a seed starts alike
    real = [run["evaluations"]["real"]["before"] for run in first]
    dreamed = [run["evaluations"]["dreamed"]["before"] for run in first]
    start = [success(real), over_seeds(real), each(real), success(dreamed)]
    start += [gap(first, "before"), "", seen(first, "before"), "0", ""]
    lines.append(f"| start | {' | '.join(start)} |")
    for arm in arms:
        of_arm = [run for run in runs if run["arm"] == arm]
        lines.append(f"| {arm} | {' | '.join(cells(of_arm))} |")
    return "\n".join(lines)


def cells(runs: list[dict[str, Any]]) -> list[str]:
    """An arm's line."""
    real = [run["evaluations"]["real"]["after"] for run in runs]
    return [
        success(real),
        over_seeds(real),
        each(real),
        success([run["evaluations"]["dreamed"]["after"] for run in runs]),
        gap(runs, "after"),
        f"{sum(run['flagged'] > 0 for run in runs)} of {len(runs)}",
        seen(runs, "after"),
        f"{fmean(run['real_turns_in_training'] for run in runs):,.0f}",
        f"{fmean(run['seconds'] for run in runs) / 60:.0f}",
    ]


def over_seeds(evaluations: list[dict[str, Any]]) -> str:
    """What the method does: its runs, with Student's interval over them."""
    return t_interval([e["success"] for e in evaluations]).percent() if len(evaluations) > 1 else "–"


def each(evaluations: list[dict[str, Any]]) -> str:
    """Seed by seed."""
    return ", ".join(f"{100 * evaluation['success']:.1f}" for evaluation in evaluations)


def success(evaluations: list[dict[str, Any]]) -> str:
    """All episodes together, with Student's interval over the games: the seeds' episodes of a game are alike,
    and to count each as a game of its own would make the interval a third too narrow.
    """
    returns = defaultdict(list)
    for evaluation in evaluations:
        for task, episode_return in played(evaluation).items():
            returns[task].append(episode_return)
    games = [fmean(of_game) for of_game in returns.values()]
    if not games:
        return "–"
    if len(set(games)) == 1:  # Student's interval would be a point
        return wilson(round(sum(games)), len(games)).percent()
    over_games = t_interval(games)
    return Interval(over_games.estimate, max(0.0, over_games.low), min(1.0, over_games.high)).percent()


def seen(runs: list[dict[str, Any]], when: str) -> str:
    """The same of the official games, where they were played."""
    return success([run["official"][when] for run in runs if "official" in run])


def played(evaluation: dict[str, Any]) -> dict[str, float]:
    """The return of each game, without those that broke off."""
    failures = {reason.replace("_", " ") for reason in evaluation["failed"]}
    return {e["task"]: e["return"] for e in evaluation["tasks"] if e["outcome"] not in failures}


def gap(runs: list[dict[str, Any]], when: str) -> str:
    """Dreamed minus real success in points, on the games that were played to an end in both worlds."""
    differences = []
    for run in runs:
        dreamed, real = (played(run["evaluations"][world][when]) for world in ("dreamed", "real"))
        both = dreamed.keys() & real.keys()
        differences += [fmean(dreamed[task] - real[task] for task in both)] if both else []
    return f"{100 * fmean(differences):+.1f}" if differences else "–"


if __name__ == "__main__":
    main()

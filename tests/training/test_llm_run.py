"""A whole run whose experience model is behind a server: what it used, what it may use, and its key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dreamgym.cli.main import app
from dreamgym.models.llm_types import Usage
from dreamgym.training.llm_metrics import forgotten, logged_usage, summed_usages, usage_metrics, usage_text
from dreamgym.utils.metrics import MetricsLog, read_metrics
from fault_server import RATE_LIMIT_AFTER, SERVER_ERROR, Reply, serving
from small_run import DREAM, prepare

KEY = "sk-secret-9f8e7d6c5b4a"
SHORT = ["training.phases=[{world: dream, iterations: 2}]", "training.eval_every=0"]


def dreamed(prompt: str) -> str:
    """The small run's scripted dream."""
    for fits in (prompt.endswith, prompt.__contains__):
        for piece, answer in DREAM.items():
            if fits(piece):
                return answer
    raise AssertionError(f"no rule for {prompt[-100:]!r}")


def decide(path: str, body: dict, headers: dict) -> Reply:
    return Reply(text=dreamed(body["prompt"]))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [*prepare(tmp_path_factory.mktemp("models")), *SHORT, "reasoning_model.name=openai:m"]


def run(folder: Path, *arguments: str) -> Result:
    places = [f"training.output_dir={folder}", f"training.log_dir={folder / 'logs'}"]
    return CliRunner().invoke(app, ["train", *arguments, *places], catch_exceptions=False)


@pytest.mark.slow
def test_what_it_used_is_in_the_metrics_and_in_the_table(settings: list[str], tmp_path: Path) -> None:
    prices = ["llm.input_usd_per_million=1000", "llm.output_usd_per_million=2000"]
    with serving(decide) as server:
        result = run(tmp_path, *settings, *prices, f"llm.base_url={server.url}")
    assert result.exit_code == 0, result.output
    sums = summed_usages(read_metrics(tmp_path / "metrics.jsonl"))
    assert set(sums) == {"experience_model", "second_opinion"}
    calls = sum(numbers["calls"] for numbers in sums.values())
    assert calls == server.served.total() > 50
    # The server says 7 tokens read and 3 written of every call.
    assert sum(n["prompt_tokens"] for n in sums.values()) == 7 * calls
    assert sum(n["cost_usd"] for n in sums.values()) == pytest.approx(calls * (7 * 1000 + 3 * 2000) / 1e6)
    first = sums["experience_model"]
    assert f"{first['calls']:,.0f} calls" in result.stdout.replace("\n", " ")
    assert "asked: experience model" in result.stdout
    assert json.loads((tmp_path / "summary.json").read_text())["language_models"]["experience_model"] == first


@pytest.mark.slow
def test_a_curriculum_by_a_client_is_asked_before_each_iteration_but_the_first(
    settings: list[str], tmp_path: Path
) -> None:
    asked: list[str] = []

    def decide_both(path: str, body: dict, headers: dict) -> Reply:
        if "chat" not in path:
            return decide(path, body, headers)
        asked.append(body["messages"][0]["content"])
        return Reply(SERVER_ERROR) if len(asked) > 2 else Reply(text="I would rather not.")

    with serving(decide_both) as server:
        result = run(
            tmp_path,
            *settings,
            f"llm.base_url={server.url}",
            "llm.retries=0",
            "curriculum.name=openai:m",
            "training.phases=[{world: dream, iterations: 2}]",
        )
    assert result.exit_code == 0, result.output
    # Three fruitless tries: two malformed answers, one failure; then the rules make the tasks.
    assert len(asked) == 3
    assert all("You make training tasks for an agent" in prompt for prompt in asked)
    lines = read_metrics(tmp_path / "metrics.jsonl")
    used = summed_usages(lines)["curriculum"]
    assert (used["calls"], used["failures"]) == (3, 1)
    assert "asked: curriculum" in result.stdout
    by_iteration = {line["iteration"]: line for line in lines if "curriculum/pool" in line}
    assert "llm/curriculum/calls" not in by_iteration[1]
    assert by_iteration[2]["curriculum/refused/malformed_answer"] == 2
    assert by_iteration[2]["curriculum/refused/no_answer"] == 1
    assert by_iteration[2]["curriculum/generated"] > 0


@pytest.mark.slow
def test_a_budget_ends_the_run_and_counts_on_where_it_is_resumed(settings: list[str], tmp_path: Path) -> None:
    with serving(decide) as server:
        arguments = [*settings, f"llm.base_url={server.url}", "llm.concurrency=4"]
        stopped = run(tmp_path, *arguments, "llm.max_tokens=8000")
        assert stopped.exit_code == 2
        assert "error: llm.max_tokens = 8,000 does not suffice" in stopped.stderr
        assert "the last checkpoint is" in stopped.stderr
        asked = server.served.total()
        assert logged_usage(tmp_path / "metrics.jsonl").charged_tokens >= 10 * (asked - 4)
        assert 10 * asked <= 8000
        again = run(tmp_path, *arguments, "llm.max_tokens=8000", "--resume")
        assert again.exit_code == 2
        assert server.served.total() <= asked + 4  # what was spent is not forgotten
        result = run(tmp_path, *arguments, "llm.max_tokens=100000000", "--resume")
    assert result.exit_code == 0, result.output


def test_the_user_of_a_tool_world_is_counted_and_has_its_share_of_the_budget(
    settings: list[str], tmp_path: Path
) -> None:
    heard: list[str] = []

    def customer(path: str, body: dict, headers: dict) -> Reply:
        heard.append(body["messages"][0]["content"])
        return Reply(text="I want to cancel an order.")

    tools = [
        *("environment.name=taubench", "environment.user=openai:m", "environment.max_turns=3"),
        *("training.phases=[{world: real, iterations: 1}]", "buffer.synthetic_ratio=0"),
        *("training.fidelity.audit_share=0", "training.eval_episodes=2"),
    ]
    with serving(customer) as server:
        offline = next(setting for setting in settings if setting.startswith("environment.offline_data"))
        mine = (
            [setting for setting in settings if setting != offline] + tools + [f"llm.base_url={server.url}"]
        )
        result = run(tmp_path / "a", *mine)
        assert result.exit_code == 0, result.output
        assert summed_usages(read_metrics(tmp_path / "a" / "metrics.jsonl"))["user"]["calls"] == len(heard)
        assert len(heard) >= 2 * 2 + 3 * 4  # who calls is heard at the start of each episode
        assert all("You play a customer" in rules for rules in heard)
        assert "asked: user" in result.stdout
        stopped = run(tmp_path / "b", *mine, "llm.max_tokens=3000")
        assert stopped.exit_code == 2
        assert "error: llm.max_tokens = 3,000 does not suffice" in stopped.stderr
        several = run(tmp_path / "c", *mine, "environment.workers=2")
    assert several.exit_code == 2
    assert "set environment.workers=0" in several.stderr


def test_a_server_that_fails_ends_the_run_with_the_reason(settings: list[str], tmp_path: Path) -> None:
    few = ["llm.retries=0", "llm.failures_in_a_row=3", "training.max_failed_share=1.0"]
    with serving(lambda *_: Reply(SERVER_ERROR)) as server:
        result = run(tmp_path, *settings, *few, f"llm.base_url={server.url}")
    assert result.exit_code == 2
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "error: 3 calls in a row failed (llm.failures_in_a_row), the last one: openai:m at"
    )


def test_an_unknown_model_and_an_unreachable_url_are_one_line(settings: list[str], tmp_path: Path) -> None:
    said = {"error": {"message": "The model `m` does not exist"}}
    with serving(lambda *_: Reply(status=404, body=said)) as server:
        unknown = run(tmp_path / "a", *settings, f"llm.base_url={server.url}")
    nobody = run(tmp_path / "b", *settings, f"llm.base_url={server.url}")
    for result, message in ((unknown, "The model `m` does not exist"), (nobody, "cannot be reached")):
        assert result.exit_code == 2
        last = result.stderr.strip().splitlines()[-1]
        assert last.startswith(f"error: openai:m at {server.url}")
        assert message in last


def test_sums_of_the_log_survive_a_resume(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    one, two = Usage(calls=1, prompt_tokens=5, cost_usd=0.25), Usage(calls=3, prompt_tokens=9, cost_usd=1.0)
    log.log(1, usage_metrics({}, {"experience_model": one}))
    log.log(2, usage_metrics({"experience_model": one}, {"experience_model": two, "judge": Usage()}))
    assert summed_usages(read_metrics(log.path)).keys() == {"experience_model"}
    assert logged_usage(log.path) == two
    before = read_metrics(log.path)
    log.rewind(1)
    assert logged_usage(log.path) == one
    assert forgotten(before, read_metrics(log.path)) == {}  # a local model's tokens cost nothing
    charged = {"llm/judge/calls": 2.0, "llm/judge/charged_tokens": 30.0, "llm/judge/cost_usd": 0.5}
    log.log(2, charged)
    before = read_metrics(log.path)
    log.rewind(1)
    log.log(1, forgotten(before, read_metrics(log.path)))
    assert logged_usage(log.path) == one + Usage(calls=2, charged_tokens=30, cost_usd=0.5)
    log.rewind(1)
    assert logged_usage(log.path).cost_usd == 0.75
    assert (
        usage_text(summed_usages(read_metrics(log.path))["experience_model"]) == "1 calls, 5 tokens, $0.2500"
    )


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["well", "refused", "defect"])
def test_the_key_is_in_nothing_that_a_run_leaves_behind(
    settings: list[str], tmp_path: Path, ending: str
) -> None:
    """The server echoes the header in its errors and its answers; a defect shows its traceback."""
    requests = 0

    def echoing(path: str, body: dict, headers: dict) -> Reply:
        nonlocal requests
        requests += 1
        echo = headers["authorization"]
        assert KEY in echo
        said = {"error": {"message": f"you sent {echo}", "type": echo}, "headers": headers}
        if ending == "refused" and requests > 30:
            return Reply(status=401, body=said)
        if requests % 7 == 0:
            waits = {"retry-after": "0", "x-request": echo}
            return Reply(RATE_LIMIT_AFTER, status=429, body=said, headers=waits)
        if requests % 11 == 0:
            return Reply(SERVER_ERROR, status=500, body=said, headers={"x-request": echo})
        if requests % 13 == 0:
            return Reply(status=400, body=said)
        if requests % 17 == 0:
            return Reply(text=f"\nok\nnext: You see {echo}.\nreward: 0\ndone: no")
        return Reply(text=dreamed(body["prompt"]))

    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "DREAMGYM_LOG": "debug"}
    environment |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONFAULTHANDLER": "1"}
    program = "from dreamgym.cli.main import app; app()"
    if ending == "defect":  # every failure becomes a bug that nobody catches, in the middle of a call
        program = (
            "from dreamgym.models.clients.patience import Patience\n"
            "def wait(self, fault, tries): raise KeyError(str(fault))\n"
            "Patience.wait = wait\n" + program
        )
    developing = ["-X", "dev"] if ending == "defect" else []  # which tells more of what went wrong
    with serving(echoing) as server:
        arguments = [
            *settings,
            f"reasoning_model.name=recorded:{tmp_path / 'record'}:openai:m",
            f"llm.base_url={server.url}",
            "training.max_failed_share=1.0",
            "training.eval_episodes=2",
            f"training.output_dir={tmp_path / 'run'}",
            f"training.log_dir={tmp_path / 'logs'}",
        ]
        result = subprocess.run(
            [sys.executable, *developing, "-c", program, "train", *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    (tmp_path / "stdout").write_text(result.stdout)
    (tmp_path / "stderr").write_text(result.stderr)
    assert result.returncode == {"well": 0, "refused": 2, "defect": 1}[ending], result.stderr[-3000:]
    assert ("Traceback" in result.stderr) == (ending == "defect")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    left = {"metrics.jsonl", "calls.jsonl", "config.yaml"} - (
        {"metrics.jsonl"} if ending == "defect" else set()
    )
    assert left <= {path.name for path in files}
    holding = [path for path in files if KEY.encode() in path.read_bytes()]
    assert holding == []
    # The search would find it: what stands in the key's place is there.
    assert any(b"you sent Bearer [key]" in path.read_bytes() for path in files)

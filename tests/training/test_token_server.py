"""Rollouts on a server, tokens in, tokens out: a stand-in of vLLM around plain transformers and peft."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from dreamgym.core.config import DreamGymConfig, PolicyModelConfig, RLConfig
from dreamgym.core.data_structures import Origin, StopReason
from dreamgym.core.errors import ConfigError, EndpointError
from dreamgym.models.adapter import new_adapter
from dreamgym.models.clients.token_server import TokenServer
from dreamgym.training.grpo import GRPO
from dreamgym.training.models import load_policy
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.policy_optimizer import PolicyOptimizer
from dreamgym.training.token_batch import rows_of
from signs import play, toy_model, toy_policy, toy_tasks, toy_tokenizer


class StandIn:
    """Continues token ids with whatever adapter was loaded last; ``damage`` may change an answer."""

    def __init__(self) -> None:
        self.loaded: dict[str, PeftModel] = {}
        self.log: list[str] = []
        self.asked = 0
        self.damage: Callable[[dict[str, Any], int], tuple[int, dict[str, Any]]] = lambda answer, _: (
            200,
            answer,
        )
        self._lock = threading.Lock()

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.log.append(path)
            if path.endswith("/load_lora_adapter"):
                base = toy_model(toy_tokenizer())
                self.loaded[body["lora_name"]] = PeftModel.from_pretrained(base, body["lora_path"]).eval()
                return 200, {}
            if path.endswith("/unload_lora_adapter"):
                del self.loaded[body["lora_name"]]
                return 200, {}
            self.asked += 1
            return self.damage(self.completed(body), self.asked)

    @torch.no_grad()
    def completed(self, body: dict[str, Any]) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(body["seed"])
        ids, logprobs, reason = list(body["prompt"]), [], "length"
        for _ in range(body["max_tokens"]):
            logits = self.loaded[body["model"]](torch.tensor([ids])).logits[0, -1] / body["temperature"]
            token = int(torch.multinomial(logits.softmax(-1), 1, generator=generator))
            ids.append(token)
            logprobs.append(logits.log_softmax(-1)[token].item())
            if token in body["stop_token_ids"]:
                reason = "stop"
                break
        written = ids[len(body["prompt"]) :]
        choice = {
            "token_ids": written,
            "logprobs": {"token_logprobs": logprobs},
            "finish_reason": reason,
            "text": "",
        }
        return {"choices": [choice], "usage": {}}


@pytest.fixture
def stand_in() -> Iterator[tuple[StandIn, str]]:
    server = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = server.post(self.path, body)
            payload = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield server, f"http://127.0.0.1:{http.server_port}/v1"
    http.shutdown()
    http.server_close()


async def no_wait(seconds: float) -> None:
    await asyncio.sleep(0)


def served_policy(url: str, folder: Path) -> LocalPolicy:
    tokenizer = toy_tokenizer()
    adapter = new_adapter(toy_model(tokenizer), rank=2, seed=0)
    with torch.no_grad():
        for number, parameter in enumerate(adapter.parameters().values()):
            parameter.normal_(0.0, 0.2, generator=torch.Generator().manual_seed(number))
    config = PolicyModelConfig(max_action_tokens=2, context_length=128)
    server = TokenServer(url, adapter, folder, max_length=128, sleep=no_wait)
    return LocalPolicy(adapter.model, tokenizer, config, adapter=adapter, server=server)


def test_what_the_server_sampled_is_what_the_learner_computes(
    stand_in: tuple[StandIn, str], tmp_path: Path
) -> None:
    policy = served_policy(stand_in[1], tmp_path)
    rows = [
        row
        for group in play(policy, seed=1, groups=3, group_size=2)
        for t in group.trajectories
        for row in rows_of(t)
    ]
    assert sum(row.agent_tokens for row in rows) > 10
    rows = [row.with_advantages([1.0] * len(row.states)) for row in rows]
    metrics = PolicyOptimizer(policy, RLConfig(importance_cap=2.0)).update(rows, random.Random(0))
    assert metrics["sampler_mismatch"] < 1e-4
    assert metrics["importance_capped"] == 0.0


def test_after_an_update_the_server_samples_with_the_new_weights(
    stand_in: tuple[StandIn, str], tmp_path: Path
) -> None:
    server, url = stand_in
    policy = served_policy(url, tmp_path)
    algorithm = GRPO(RLConfig(learning_rate=0.05, importance_cap=2.0), policy)
    for seed in range(3):
        metrics = algorithm.update(policy, play(policy, seed=seed, groups=4, group_size=4))
        assert metrics["sampler_mismatch"] < 1e-4  # old weights on the server would differ from the learner's
        assert len(server.loaded) == 1
    assert [path.rsplit("/", 1)[1] for path in server.log if "lora" in path].count("load_lora_adapter") == 4
    assert len(list(tmp_path.iterdir())) == 1


def test_a_run_goes_on_with_the_weights_of_its_checkpoint(
    stand_in: tuple[StandIn, str], tmp_path: Path
) -> None:
    policy = served_policy(stand_in[1], tmp_path / "served")
    (tmp_path / "kept").mkdir()
    policy.save(tmp_path / "kept")
    with torch.no_grad():
        for parameter in policy.trained().values():
            parameter.zero_()
    policy.load(tmp_path / "kept")
    rows = [row for t in play(policy, seed=1, groups=1, group_size=2)[0].trajectories for row in rows_of(t)]
    rows = [row.with_advantages([1.0] * len(row.states)) for row in rows]
    update = PolicyOptimizer(policy, RLConfig(importance_cap=2.0)).update(rows, random.Random(0))
    assert update["sampler_mismatch"] < 1e-4


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda answer, _: (200, {"choices": [{**answer["choices"][0], "token_ids": None}]}),
            "return_token_ids",
        ),
        (
            lambda answer, _: (200, {"choices": [{**answer["choices"][0], "logprobs": None}]}),
            "token_logprobs",
        ),
        (lambda answer, _: (200, {"choices": []}), "return_token_ids"),
        (lambda answer, _: (500, {"error": "boom"}), "HTTP 500"),
        (
            lambda answer, _: (200, {"choices": [{**answer["choices"][0], "token_ids": [1, 2, 3, 4]}]}),
            "4 tokens but",
        ),
    ],
)
def test_a_server_that_fails_ends_episodes_and_pays_none(
    stand_in: tuple[StandIn, str],
    tmp_path: Path,
    damage: Callable[[dict[str, Any], int], tuple[int, dict[str, Any]]],
    said: str,
) -> None:
    server, url = stand_in
    server.damage = damage
    (group,) = play(served_policy(url, tmp_path), seed=1, groups=1, group_size=2)
    assert {t.stop_reason for t in group.trajectories} == {StopReason.ENDPOINT_ERROR}
    assert all(said in t.detail for t in group.trajectories)
    assert group.returns == ()


def test_a_fault_that_passes_is_tried_again(stand_in: tuple[StandIn, str], tmp_path: Path) -> None:
    server, url = stand_in
    server.damage = lambda answer, asked: (503, {}) if asked % 2 else (200, answer)
    (group,) = play(served_policy(url, tmp_path), seed=1, groups=1, group_size=2)
    assert all(not t.stop_reason.is_failure for t in group.trajectories)
    assert group.trajectories[0].origin is Origin.REAL


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match=r"load_lora_adapter.*is the server of policy_model\.server up"):
        served_policy("http://127.0.0.1:9/v1", tmp_path).start(toy_tasks()[0], 0)


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"set rl\.importance_cap=2\.0"):
        DreamGymConfig(policy_model=PolicyModelConfig(server="http://localhost:8000/v1", lora_rank=4))
    with pytest.raises(ConfigError, match=r"set policy_model\.lora_rank"):
        load_policy(PolicyModelConfig(server="http://localhost:8000/v1"))
    assert toy_policy().adapter is None

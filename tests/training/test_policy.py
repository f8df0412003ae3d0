"""The local agent: its row is what it read and wrote, its logprobs are the model's, its edges are clear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma2Config, Gemma2ForCausalLM

from dreamgym.core.config import PolicyModelConfig
from dreamgym.core.data_structures import Action, Task
from dreamgym.core.errors import CheckpointError, ConfigError, ContextFullError, ModelError
from dreamgym.environments.base_env import Observation
from dreamgym.training.dialogue import opening_prompt, turn_prompt
from dreamgym.training.logprobs import action_logprobs
from dreamgym.training.policy import LocalPolicy
from dreamgym.training.token_batch import ENVIRONMENT, collate, row_of
from signs import toy_model, toy_policy, toy_tasks, toy_tokenizer


def act(policy: LocalPolicy, observations: list[Observation], seed: int = 0) -> list[Action]:
    async def episode() -> list[Action]:
        agent = policy.start(toy_tasks()[0], seed)
        try:
            return [await agent.act(observation) for observation in observations]
        finally:
            agent.close()
            agent.close()

    return asyncio.run(episode())


SEEN = [Observation(text=f"sign {colour}") for colour in ("red", "green", "blue")]


def test_prompts_are_the_documented_lines() -> None:
    task = Task(id="t", environment="e", instruction="put a mug\nin a cabinet")
    seen = Observation(text="You are here.\n\n  A desk 1.\n")
    listed = Observation(text="a desk 1", admissible=("look", "go to\ndesk 1"))
    assert (
        opening_prompt(task, seen) == "\ntask: put a mug in a cabinet\nsees: You are here. A desk 1.\naction:"
    )
    assert turn_prompt(listed) == "\nsees: a desk 1\noptions: look | go to desk 1\naction:"


def test_the_row_is_the_conversation_and_decodes_to_it() -> None:
    policy = toy_policy()
    actions = act(policy, SEEN)
    row = row_of(actions, "episode")
    tokenizer = policy.tokenizer
    for turn, action in enumerate(actions):
        expected = opening_prompt(toy_tasks()[0], SEEN[0]) if turn == 0 else turn_prompt(SEEN[turn])
        assert tokenizer.decode(action.prompt_ids) == expected
        said = [i for i in action.token_ids if i != tokenizer.eos_token_id]
        assert action.text == tokenizer.decode(said).strip()
        assert 1 <= len(action.token_ids) <= policy.config.max_action_tokens
    written = [i for i, turn in zip(row.token_ids, row.turns, strict=True) if turn != ENVIRONMENT]
    assert written == [i for action in actions for i in action.token_ids]


def test_an_action_that_ends_keeps_its_end() -> None:
    policy = toy_policy()
    ended = [
        a
        for seed in range(40)
        for a in act(policy, SEEN, seed)
        if policy.tokenizer.eos_token_id in a.token_ids
    ]
    assert ended
    for action in ended:
        assert action.token_ids.index(policy.tokenizer.eos_token_id) == len(action.token_ids) - 1
        assert policy.tokenizer.eos_token not in action.text


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.5])
def test_logprobs_are_the_models_own_at_the_temperature(temperature: float) -> None:
    """Sampler, learner and a plain forward of the whole row agree."""
    policy = toy_policy(temperature=temperature)
    rows = [row_of(act(policy, SEEN[: 1 + seed], seed), "episode") for seed in range(3)]
    learned, entropy = action_logprobs(policy.model, collate(rows), temperature)
    plain, plain_entropy = [], []
    for row in rows:
        with torch.no_grad():
            logits = policy.model(input_ids=torch.tensor([row.token_ids])).logits[0].double() / temperature
        for position, turn in enumerate(row.turns):
            if turn != ENVIRONMENT:
                distribution = torch.distributions.Categorical(logits=logits[position - 1])
                plain.append(distribution.log_prob(torch.tensor(row.token_ids[position])).item())
                plain_entropy.append(distribution.entropy().item())
    sampled = [
        lp
        for row in rows
        for lp, turn in zip(row.old_logprobs, row.turns, strict=True)
        if turn != ENVIRONMENT
    ]
    assert sampled == pytest.approx(plain, abs=1e-4)
    assert learned.tolist() == pytest.approx(plain, abs=1e-4)
    assert entropy.tolist() == pytest.approx(plain_entropy, abs=1e-4)


def test_the_same_seed_gives_the_same_episode() -> None:
    policy = toy_policy()
    assert act(policy, SEEN, 7) == act(policy, SEEN, 7)
    assert len({tuple(a.text for a in act(policy, SEEN, seed)) for seed in range(5)}) > 1


def test_a_full_context_ends_the_episode_by_name() -> None:
    policy = toy_policy(context_length=16)
    with pytest.raises(ContextFullError, match=r"context_length is 16"):
        act(policy, SEEN)


def test_special_tokens_in_an_observation_are_text() -> None:
    policy = toy_policy()
    (action,) = act(policy, [Observation(text=f"sign {policy.tokenizer.eos_token} red")])
    assert policy.tokenizer.eos_token_id not in action.prompt_ids


def test_a_saved_policy_loads_here_and_in_plain_transformers(tmp_path: Path) -> None:
    policy, other = toy_policy(seed=0), toy_policy(seed=1)
    policy.updated()
    policy.save(tmp_path)
    assert act(other, SEEN) != act(policy, SEEN)
    other.load(tmp_path)
    assert other.version == 1
    assert act(other, SEEN) == act(policy, SEEN)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path)
    for ours, theirs in zip(policy.model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert AutoTokenizer.from_pretrained(tmp_path).get_vocab() == policy.tokenizer.get_vocab()


def test_a_foreign_missing_or_truncated_checkpoint_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    policy = toy_policy()
    before = act(policy, SEEN)
    with pytest.raises(CheckpointError, match="is missing"):
        policy.load(tmp_path)
    wide = LocalPolicy(
        toy_model(toy_tokenizer(), width=64), toy_tokenizer(), PolicyModelConfig(context_length=64)
    )
    wide.save(tmp_path)
    with pytest.raises(CheckpointError, match="belongs to another model"):
        policy.load(tmp_path)
    policy.save(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="truncated"):
        policy.load(tmp_path)
    policy.save(tmp_path)
    (tmp_path / "policy.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"policy\.json is missing or truncated"):
        toy_policy(seed=1).load(tmp_path)
    assert act(policy, SEEN) == before


def test_a_tokenizer_without_an_end_is_refused() -> None:
    tokenizer = toy_tokenizer()
    model = toy_model(tokenizer)
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="no eos token"):
        LocalPolicy(model, tokenizer, PolicyModelConfig())


def test_a_model_that_caps_its_logits_is_refused() -> None:
    tokenizer = toy_tokenizer()
    config = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=16,
        final_logit_softcapping=0.1,
    )
    model = Gemma2ForCausalLM(config)
    torch.nn.init.normal_(model.lm_head.weight)
    with pytest.raises(ModelError, match="changes its logits after lm_head"):
        LocalPolicy(model, tokenizer, PolicyModelConfig(context_length=64))

"""The batching engine against plain ``transformers`` forwards of the same tokens."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from collections.abc import Callable

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from dreamgym.core.errors import ContextFullError, ModelError
from dreamgym.models.engine.batching_engine import TOKENS_PER_FORWARD, BatchingEngine, Generated, Session
from dreamgym.models.engine.sampling import sample

VOCABULARY = 97
SPECIAL = {"bos_token_id": None, "eos_token_id": None}
SMALL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 4096,
    **SPECIAL,
}
GROUPED = {**SMALL, "num_key_value_heads": 2}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
ARCHITECTURES: dict[str, Callable[[], PreTrainedModel]] = {
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**GROUPED, head_dim=16, tie_word_embeddings=True)),
    "qwen3 with biases": lambda: Qwen3ForCausalLM(Qwen3Config(**GROUPED, head_dim=16, attention_bias=True)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**GROUPED)),
    "llama 3": lambda: LlamaForCausalLM(LlamaConfig(**GROUPED, rope_parameters=LLAMA3_ROPE)),
    "mistral, sliding": lambda: MistralForCausalLM(MistralConfig(**GROUPED, sliding_window=20)),
    "gpt-neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SMALL)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=3, n_head=4, n_positions=4096, **SPECIAL)
    ),
}


def random_model(architecture: str = "qwen3", *, scale: float = 0.3) -> PreTrainedModel:
    """Weights large enough that a wrong position or a missing token shows in the logits."""
    torch.manual_seed(0)
    model = ARCHITECTURES[architecture]().eval()
    for parameter in model.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=scale)
    return model


@pytest.fixture
def model() -> PreTrainedModel:
    return random_model()


def tokens(rng: random.Random, count: int) -> list[int]:
    return [rng.randrange(VOCABULARY) for _ in range(count)]


def reference_logprobs(
    model: PreTrainedModel, context: list[int], start: int, temperature: float
) -> torch.Tensor:
    """Plain transformers over the whole context: distributions of the tokens from ``start`` on."""
    with torch.no_grad():
        logits = model(torch.tensor([context])).logits[0].float()
    return (logits[start - 1 : -1] / (temperature or 1.0)).log_softmax(-1)


def sampled(session: Session, prompt: list[int], *, count: int = 8, temperature: float = 1.0) -> Generated:
    session.append(prompt)
    return asyncio.run(session.generate(stop_ids=(), max_tokens=count, temperature=temperature))


async def play(session: Session, seed: int) -> list[tuple[int, float, Generated]]:
    """Some turns of random length and temperature, as (start in the context, temperature, answer)."""
    rng, turns = random.Random(seed), []
    for _ in range(3):
        session.append(tokens(rng, rng.choice([1, 3, 17, 63, 64, 65, 130])))
        start, temperature = session.length, rng.choice([0.0, 0.7, 1.0])
        generated = await session.generate(
            stop_ids={5, 6}, max_tokens=rng.randint(1, 12), temperature=temperature
        )
        turns.append((start, temperature, generated))
        for _ in range(rng.randrange(6)):  # not all episodes come back at the same time
            await asyncio.sleep(0)
    return turns


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logprobs_of_interleaved_sessions_are_those_of_plain_transformers(architecture: str) -> None:
    model = random_model(architecture)
    engine = BatchingEngine(model)

    async def episodes() -> list[tuple[Session, list[tuple[int, float, Generated]]]]:
        parent = engine.session(seed=0)
        parent.append(tokens(random.Random(0), 70))
        await parent.prefill()
        sessions = [parent.fork(i) if i % 3 == 0 else engine.session(seed=i) for i in range(9)]
        return list(zip(sessions, await asyncio.gather(*map(play, sessions, range(12))), strict=True))

    for session, turns in asyncio.run(episodes()):
        for start, temperature, generated in turns:
            end = start + len(generated.token_ids)
            assert session.token_ids[start:end] == list(generated.token_ids)
            expected = reference_logprobs(model, session.token_ids[:end], start, temperature)
            own = expected.gather(1, torch.tensor(generated.token_ids)[:, None])[:, 0]
            torch.testing.assert_close(torch.tensor(generated.logprobs), own, atol=1e-4, rtol=0)
            if temperature == 0:
                assert expected.argmax(-1).tolist() == list(generated.token_ids)


def test_a_session_samples_the_same_alone_and_among_others(model: PreTrainedModel) -> None:
    async def together(seeds: list[int]) -> list[list[tuple[int, float, Generated]]]:
        engine = BatchingEngine(model)
        return list(await asyncio.gather(*(play(engine.session(seed=seed), seed) for seed in seeds)))

    crowd = asyncio.run(together([3, 1, 2, 7, 5]))
    for seed, turns in zip([3, 1, 2, 7, 5], crowd, strict=True):
        [alone] = asyncio.run(together([seed]))
        assert [turn[2].token_ids for turn in alone] == [turn[2].token_ids for turn in turns]


def test_the_same_program_gives_the_same_bits(model: PreTrainedModel) -> None:
    async def dialogue() -> list[Generated]:
        first, second = BatchingEngine(model), BatchingEngine(model)

        async def episode(seed: int) -> list[Generated]:
            one, two = first.session(seed=seed), second.session(seed=seed)
            answers = []
            for _ in range(3):
                for session in (one, two):
                    session.append(tokens(random.Random(seed), 5 + seed))
                    answers.append(await session.generate(stop_ids={1}, max_tokens=6, temperature=1.0))
            return answers

        return [answer for answers in await asyncio.gather(*map(episode, range(9))) for answer in answers]

    assert asyncio.run(dialogue()) == asyncio.run(dialogue())


def test_all_that_wait_share_one_forward_per_token(model: PreTrainedModel) -> None:
    engine = BatchingEngine(model)

    async def episode(seed: int) -> None:
        session = engine.session(seed=seed)
        for _ in range(3):
            session.append(tokens(random.Random(seed), 4 + seed))
            await session.generate(stop_ids=(), max_tokens=5, temperature=1.0)

    async def episodes() -> None:
        await asyncio.gather(*map(episode, range(16)))

    asyncio.run(episodes())
    assert engine.forwards == 3 * 5


def test_a_forked_prefix_is_computed_once(model: PreTrainedModel) -> None:
    engine = BatchingEngine(model)

    async def group() -> list[Generated]:
        parent = engine.session(seed=0)
        parent.append(tokens(random.Random(0), 200))
        await parent.prefill()
        twins = [parent.fork(seed) for seed in range(8)]
        parent.close()
        return await asyncio.gather(
            *(twin.generate(stop_ids=(), max_tokens=3, temperature=1.0) for twin in twins)
        )

    answers = asyncio.run(group())
    assert engine.tokens_read == 199 + 8 * 3
    assert len({answer.token_ids for answer in answers}) > 1


def test_prompts_longer_than_a_forward_are_read_in_pieces(model: PreTrainedModel) -> None:
    engine = BatchingEngine(model)
    prompt = tokens(random.Random(1), TOKENS_PER_FORWARD + 300)
    generated = sampled(engine.session(seed=0), prompt, count=2)
    assert engine.forwards == 3
    expected = reference_logprobs(model, prompt + list(generated.token_ids), len(prompt), 1.0)
    own = expected.gather(1, torch.tensor(generated.token_ids)[:, None])[:, 0]
    torch.testing.assert_close(torch.tensor(generated.logprobs), own, atol=1e-4, rtol=0)


def test_truncate_takes_tokens_back(model: PreTrainedModel) -> None:
    session = BatchingEngine(model).session(seed=0)
    prompt = tokens(random.Random(2), 90)
    first = sampled(session, prompt, temperature=0.0)
    session.truncate(len(prompt))
    assert sampled(session, [], temperature=0.0).token_ids == first.token_ids


def test_the_stop_token_ends_and_is_kept(model: PreTrainedModel) -> None:
    prompt = tokens(random.Random(3), 20)
    free = sampled(BatchingEngine(model).session(seed=4), prompt, count=30)
    stop = free.token_ids[7]
    session = BatchingEngine(model).session(seed=4)
    session.append(prompt)
    stopped = asyncio.run(session.generate(stop_ids={stop}, max_tokens=30, temperature=1.0))
    assert stopped.token_ids == free.token_ids[: free.token_ids.index(stop) + 1]
    assert (stopped.finish_reason, free.finish_reason) == ("stop", "length")


def test_the_first_token_alone_is_one_that_it_may_be(model: PreTrainedModel) -> None:
    """Its probability is among those; a neighbour that is free samples as it does alone."""
    prompt, allowed = tokens(random.Random(3), 20), torch.zeros(VOCABULARY, dtype=torch.bool)
    allowed[[7, 40, 61]] = True
    alone = sampled(BatchingEngine(model).session(seed=4), prompt)
    engine = BatchingEngine(model)
    held, free = engine.session(seed=4), engine.session(seed=4)

    async def both() -> tuple[Generated, Generated]:
        for session in (held, free):
            session.append(prompt)
        return await asyncio.gather(
            held.generate(stop_ids=(), max_tokens=8, temperature=1.0, may_start_V=allowed),
            free.generate(stop_ids=(), max_tokens=8, temperature=1.0),
        )

    bound, unbound = asyncio.run(both())
    assert unbound.token_ids == alone.token_ids
    assert alone.token_ids[0] not in (7, 40, 61)
    assert bound.token_ids[0] in (7, 40, 61)
    reference = reference_logprobs(model, held.token_ids, len(prompt), 1.0)
    reference[0] = reference[0].masked_fill(~allowed, -torch.inf).log_softmax(-1)
    for token, logprob, expected in zip(bound.token_ids, bound.logprobs, reference, strict=True):
        assert logprob == pytest.approx(expected[token].item(), abs=1e-4)
    assert not set(bound.token_ids[1:]) <= {7, 40, 61}


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_sampling_follows_the_distribution(temperature: float) -> None:
    logits = torch.tensor([2.0, 0.0, 1.0, -30.0])
    expected = (logits / temperature).softmax(-1)
    draws = 20_000
    uniforms = [(i + 0.5) / draws for i in range(draws)]
    ids, logprobs = sample(logits.expand(draws, -1), [temperature] * draws, uniforms)
    shares = torch.bincount(ids, minlength=4) / draws
    torch.testing.assert_close(shares, expected, atol=2 / draws, rtol=0)
    torch.testing.assert_close(logprobs, expected.log()[ids])


def test_sampling_at_the_edges() -> None:
    logits = torch.full((2, 1000), -1.0)
    ids, _ = sample(logits, [1.0, 1.0], [0.0, 1.0 - 2**-53])
    assert ids.tolist() == [0, 999]
    ids, logprobs = sample(torch.tensor([[0.0, 3.0, 1.0]]), [0.0], [0.99])
    assert ids.tolist() == [1]
    assert logprobs.item() == pytest.approx(torch.tensor([0.0, 3.0, 1.0]).log_softmax(-1)[1].item())


@pytest.mark.parametrize("optimizer_type", [torch.optim.AdamW, torch.optim.SGD])
@pytest.mark.parametrize("foreach", [False, True])
def test_an_optimizer_step_leaves_no_stale_cache(
    model: PreTrainedModel, optimizer_type: type[torch.optim.Optimizer], foreach: bool
) -> None:
    session = BatchingEngine(model).session(seed=0)
    sampled(session, tokens(random.Random(5), 80))
    optimizer = optimizer_type(model.parameters(), lr=0.05, foreach=foreach)
    model(torch.tensor([[1, 2, 3]])).logits.square().sum().backward()
    optimizer.step()
    start = session.length
    generated = sampled(session, [])
    expected = reference_logprobs(model, session.token_ids, start, 1.0)
    own = expected.gather(1, torch.tensor(generated.token_ids)[:, None])[:, 0]
    torch.testing.assert_close(torch.tensor(generated.logprobs), own, atol=1e-4, rtol=0)


def test_reset_forgets_what_unseen_weights_computed(model: PreTrainedModel) -> None:
    engine = BatchingEngine(model)
    session = engine.session(seed=0)
    sampled(session, tokens(random.Random(5), 80))
    for parameter in model.parameters():
        parameter.data.mul_(0.9)
    engine.reset()
    start = session.length
    generated = sampled(session, [])
    expected = reference_logprobs(model, session.token_ids, start, 1.0)
    own = expected.gather(1, torch.tensor(generated.token_ids)[:, None])[:, 0]
    torch.testing.assert_close(torch.tensor(generated.logprobs), own, atol=1e-4, rtol=0)


def test_the_model_attends_as_usual_after_a_forward() -> None:
    model = random_model("gpt2")
    context = torch.tensor([tokens(random.Random(6), 30)])
    before = model(context).logits
    sampled(BatchingEngine(model).session(seed=0), [1, 2, 3])
    torch.testing.assert_close(model(context).logits, before, atol=0, rtol=0)


def test_a_full_context_is_an_error_that_names_the_limit(model: PreTrainedModel) -> None:
    session = BatchingEngine(model, max_length=20).session(seed=0)
    session.append([1] * 15)
    with pytest.raises(ContextFullError, match="6 more tokens on 15 exceed the context of 20"):
        session.append([1] * 6)
    with pytest.raises(ContextFullError, match="context of 20"):
        asyncio.run(session.generate(stop_ids=(), max_tokens=6, temperature=1.0))
    assert session.length == 15
    asyncio.run(session.generate(stop_ids=(), max_tokens=5, temperature=1.0))
    assert session.length == 20
    with pytest.raises(ContextFullError, match="is full"):
        asyncio.run(session.generate(stop_ids=(), max_tokens=1, temperature=1.0))


def test_a_cancelled_generation_leaves_its_session_and_the_others_alone(model: PreTrainedModel) -> None:
    engine = BatchingEngine(model)

    async def episodes() -> tuple[Session, Generated]:
        kept, dropped = engine.session(seed=1), engine.session(seed=2)
        kept.append([1, 2, 3])
        dropped.append([4, 5])
        waiting = asyncio.create_task(dropped.generate(stop_ids=(), max_tokens=500, temperature=1.0))
        answer = await kept.generate(stop_ids=(), max_tokens=20, temperature=1.0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await dropped.generate(stop_ids=(), max_tokens=2, temperature=1.0)
        return dropped, answer

    dropped, answer = asyncio.run(episodes())
    assert dropped.length == 4
    assert answer.token_ids == sampled(BatchingEngine(model).session(seed=1), [1, 2, 3], count=20).token_ids
    forwards = engine.forwards
    sampled(engine.session(seed=3), [1], count=1)
    assert engine.forwards == forwards + 1


def test_closing_cancels_and_frees(model: PreTrainedModel) -> None:
    engine = BatchingEngine(model)

    async def close_while_waiting() -> weakref.ref[object]:
        session = engine.session(seed=0)
        session.append([1] * 100)
        cache = weakref.ref(session.cache)
        waiting = asyncio.create_task(session.generate(stop_ids=(), max_tokens=50, temperature=1.0))
        for _ in range(30):
            await asyncio.sleep(0)
        session.close()
        session.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(RuntimeError, match="closed"):
            session.append([1])
        return cache

    cache = asyncio.run(close_while_waiting())
    gc.collect()
    assert cache() is None


def test_a_session_is_one_conversation(model: PreTrainedModel) -> None:
    async def twice() -> None:
        session = BatchingEngine(model).session(seed=0)
        session.append([1])
        first = asyncio.create_task(session.generate(stop_ids=(), max_tokens=3, temperature=1.0))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="generating"):
            await session.generate(stop_ids=(), max_tokens=3, temperature=1.0)
        with pytest.raises(RuntimeError, match="generating"):
            session.append([2])
        await first

    asyncio.run(twice())


def test_an_engine_outlives_a_loop_that_was_left_with_work(model: PreTrainedModel) -> None:
    engine = BatchingEngine(model)

    async def abandon() -> None:
        session = engine.session(seed=0)
        session.append([1, 2])
        task = asyncio.create_task(session.generate(stop_ids=(), max_tokens=1000, temperature=1.0))
        await asyncio.sleep(0)
        raise ValueError(task.get_name())

    with pytest.raises(ValueError, match="Task"):
        asyncio.run(abandon())
    expected = sampled(BatchingEngine(model).session(seed=1), [3, 4]).token_ids
    assert sampled(engine.session(seed=1), [3, 4]).token_ids == expected


def test_weights_that_are_not_numbers_fail_everyone_who_waits(model: PreTrainedModel) -> None:
    engine = BatchingEngine(model)

    async def two() -> list[Generated | BaseException]:
        sessions = [engine.session(seed=seed) for seed in range(2)]
        for session in sessions:
            session.append([1, 2])
        calls = [s.generate(stop_ids=(), max_tokens=3, temperature=1.0) for s in sessions]
        return await asyncio.gather(*calls, return_exceptions=True)

    weight = next(model.parameters())
    before = weight.detach().clone()
    with torch.no_grad():
        weight.fill_(float("nan"))
    errors = asyncio.run(two())
    assert all(isinstance(error, ModelError) and "not finite" in str(error) for error in errors)
    with torch.no_grad():
        weight.copy_(before)
    assert all(isinstance(answer, Generated) for answer in asyncio.run(two()))


def test_wrong_use_is_told(model: PreTrainedModel) -> None:
    session = BatchingEngine(model).session(seed=0)
    with pytest.raises(ValueError, match="empty session"):
        asyncio.run(session.generate(stop_ids=(), max_tokens=1, temperature=1.0))
    session.append([1])
    with pytest.raises(ValueError, match="max_tokens=0"):
        asyncio.run(session.generate(stop_ids=(), max_tokens=0, temperature=1.0))
    with pytest.raises(ModelError, match="positions end at 4096"):
        BatchingEngine(model, max_length=5000)


def test_a_model_whose_attention_cannot_be_replaced_is_refused() -> None:
    bloom = BloomForCausalLM(BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=1, n_head=2))
    with pytest.raises(ModelError, match="BloomForCausalLM"):
        BatchingEngine(bloom, max_length=100)

"""Clients and text sessions: what they return is found again by brute force on plain text."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from dreamgym.core.errors import (
    ConfigError,
    ContextFullError,
    EndpointError,
    InvalidDreamError,
    ModelError,
)
from dreamgym.models.clients.local_client import LocalClient
from dreamgym.models.decoding import AnswerDecoder
from dreamgym.models.engine.stop_strings import stop_rule
from dreamgym.models.llm_client import (
    Completion,
    LLMClient,
    PromptSession,
    ScriptedClient,
    Usage,
    complete_many,
    make_client,
)

WORDS = [
    "<pad>",
    "<unk>",
    "<end>",
    "\n",
    "\nnext:",
    " mug 1",
    " mug",
    " 1",
    " open",
    " =",
    "=",
    " ",
    ";",
    "; a",
]
TEXT = "you open the drawer and see a mug; naïve café ☕ = nothing else, you see the mug 12 and the mug 3\n"


def word_level() -> PreTrainedTokenizerFast:
    """Words with their blank, as the embedded models have."""
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    pattern = "|".join([*sorted((w for w in WORDS if w[0] != "<"), key=len, reverse=True), "."])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>")


def byte_level() -> PreTrainedTokenizerFast:
    """Bytes and their merges, as GPT-2, Llama 3 and Qwen have."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<end>"])
    tokenizer.train_from_iterator([TEXT] * 5, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")


def metaspace() -> PreTrainedTokenizerFast:
    """Pieces that drop the blank at the start of a text, as Llama 2 has."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(vocab_size=120, special_tokens=["<unk>", "<end>"])
    tokenizer.train_from_iterator([TEXT] * 5, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>")


TOKENIZERS = {"word level": word_level, "byte level": byte_level, "metaspace": metaspace}


def client_with(tokenizer: PreTrainedTokenizerFast, *, max_length: int = 512) -> LocalClient:
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LocalClient(LlamaForCausalLM(config).eval(), tokenizer, max_length=max_length)


@pytest.fixture
def client() -> LocalClient:
    return client_with(word_level())


def first_stop(client: LocalClient, completion: Completion, stop: list[str]) -> tuple[int, str]:
    """Brute force: how many tokens it takes until the text holds a stop string, and the text up to there."""
    for count in range(1, len(completion.token_ids) + 1):
        text = client.decoder.text(completion.token_ids[:count])
        ends = [text.index(string) + len(string) for string in stop if string in text]
        if ends:
            return count, text[: min(ends)]
    return len(completion.token_ids), completion.text


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_text_ends_with_the_first_stop_string(kind: str) -> None:
    client = client_with(TOKENIZERS[kind]())
    client.end_ids = frozenset()
    rng = random.Random(kind)
    stopped = 0
    for seed in range(12):
        free = client.complete(" mug", max_tokens=25, temperature=1.0, seed=seed)
        assert free.text == client.decoder.text(free.token_ids)
        starts = [rng.randrange(len(free.text)) for _ in range(2)]
        stop = [free.text[start : start + rng.randint(1, 6)] for start in starts]
        count, text = first_stop(client, free, stop)
        completion = client.complete(" mug", stop=stop, max_tokens=25, temperature=1.0, seed=seed)
        assert (completion.text, completion.token_ids) == (text, free.token_ids[:count])
        assert completion.finish_reason == "stop"
        stopped += any(completion.text.endswith(string) for string in stop)
    assert stopped == 12


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_written_starts_as_it_must(kind: str, temperature: float) -> None:
    client, starts = client_with(TOKENIZERS[kind]()), []
    for seed in range(20):
        session = client.session(seed)
        session.append(" mug")
        settings = {"max_tokens": 3, "temperature": temperature}
        starts.append(asyncio.run(session.generate(**settings, start="\n")).text[:1])
        session.close()
    assert set(starts) == {"\n"}
    free = {client.complete(" mug", **settings, seed=seed).text[:1] for seed in range(20)}
    assert free != {"\n"}


def test_a_dreams_answer_begins_a_line_where_the_model_would_go_on_with_the_action(
    client: LocalClient,
) -> None:
    """Else an agent learns to break its actions off: what the dream cannot answer costs it nothing."""
    prompt = "\naction: open"
    assert not client.complete(prompt, max_tokens=4).text.startswith("\n")
    for temperature in (0.0, 1.0):
        session = client.session(0)
        session.append(prompt)
        decoder = AnswerDecoder(session=session, max_tokens=4, temperature=temperature)
        with pytest.raises(InvalidDreamError, match=r"^the dream answered '\\n"):  # random weights
            asyncio.run(decoder.freely())
        session.close()


def test_where_no_token_starts_so_nobody_is_held_to_it(client: LocalClient) -> None:
    assert client.may_start("?") is None
    held = client.may_start("\n")
    assert held is not None
    assert [WORDS[i] for i in held.nonzero().flatten().tolist()] == ["\n", "\nnext:"]


def test_a_stop_string_that_is_one_token_is_found_without_decoding(client: LocalClient) -> None:
    assert stop_rule(client.decoder, ["\nnext:"], frozenset()).completes is None
    split = stop_rule(client.decoder, [" ="], frozenset()).completes
    assert split is not None
    blank, equals = WORDS.index(" "), WORDS.index("=")
    assert split([blank, equals])
    assert not split([equals])
    with pytest.raises(ValueError, match="empty stop string"):
        client.complete("a", stop=[""], max_tokens=1)


@pytest.mark.parametrize("kind", ["byte level", "metaspace"])
def test_decoding_is_lossless_in_the_middle_of_a_text(kind: str) -> None:
    client = client_with(TOKENIZERS[kind]())
    ids = client.encode(TEXT.strip())
    for cut in range(len(ids)):
        whole = client.decoder.text(ids)
        pieces = client.decoder.text(ids[:cut]) + client.decoder.text(ids[cut:])
        assert pieces == whole or "\ufffd" in pieces


def test_a_token_that_runs_past_the_stop_string_is_cut_from_the_context(client: LocalClient) -> None:
    session = client.session(seed=0)
    session.append(" mug")
    glued = WORDS.index("; a")

    class SaysGlued:
        def __call__(self, caches: list, new_ids: list) -> torch.Tensor:
            for cache, ids in zip(caches, new_ids, strict=True):
                cache.length += len(ids)
            return torch.nn.functional.one_hot(torch.tensor([glued] * len(caches)), len(WORDS)) * 50.0

        new_cache = client.engine._forward.new_cache

    client.engine._forward = SaysGlued()
    completion = asyncio.run(session.generate(stop=[";"], max_tokens=5))
    assert (completion.text, completion.token_ids) == (";", (glued,))
    assert session._session.token_ids == [WORDS.index(" mug"), WORDS.index(";")]


def test_special_tokens_in_appended_text_are_plain_text(client: LocalClient) -> None:
    assert WORDS.index("<end>") not in client.encode(" mug<end> open")


def test_a_session_equals_the_same_text_sent_at_once(client: LocalClient) -> None:
    async def dialogue() -> tuple[Completion, Completion, Usage]:
        session = client.session(seed=5)
        session.append(" mug open")
        first = await session.generate(max_tokens=4)
        session.append("\nnext:")
        second = await session.generate(max_tokens=4)
        session.close()
        return first, second, second.usage

    first, second, usage = asyncio.run(dialogue())
    # Token ids, not text, are the context: random models write text that would be tokenized differently.
    whole = client.engine.session(seed=0)
    whole.append([*client.encode(" mug open"), *first.token_ids, *client.encode("\nnext:")])
    expected = asyncio.run(whole.generate(stop_ids=client.end_ids, max_tokens=4, temperature=0.0))
    assert second.token_ids == expected.token_ids
    assert usage == Usage(calls=1, prompt_tokens=7, cached_tokens=5, completion_tokens=len(second.token_ids))
    assert client.usage == first.usage + second.usage


def test_forks_part_and_share(client: LocalClient) -> None:
    async def branches() -> list[Completion]:
        trunk = client.session(seed=0)
        trunk.append(" mug open\nnext: mug 1")
        await trunk.prefill()
        twins = [trunk.fork(seed) for seed in (1, 2, 1)]
        return await asyncio.gather(*(twin.generate(max_tokens=9, temperature=2.0) for twin in twins))

    one, two, again = asyncio.run(branches())
    assert one.token_ids == again.token_ids != two.token_ids
    assert one.usage.cached_tokens == one.usage.prompt_tokens - 1


def test_many_prompts_are_one_batch(client: LocalClient) -> None:
    prompts = [" mug", " open mug 1", "\nnext: =", " 1"]
    together = complete_many(client, prompts, max_tokens=6, temperature=1.0, seed=10)
    forwards = client.engine.forwards
    assert forwards <= 6
    alone = [client.complete(p, max_tokens=6, temperature=1.0, seed=10 + i) for i, p in enumerate(prompts)]
    assert [c.token_ids for c in together] == [c.token_ids for c in alone]


def test_the_end_token_stays_out_of_the_text(client: LocalClient) -> None:
    for seed in range(10):
        completion = client.complete(" mug", max_tokens=60, temperature=1.0, seed=seed)
        ended = completion.token_ids[-1] == WORDS.index("<end>")
        assert ended == (completion.finish_reason == "stop")
        assert "<end>" not in completion.text
    assert client.usage.calls == 10


def test_a_prompt_that_does_not_fit(client: LocalClient) -> None:
    with pytest.raises(ContextFullError, match="context of 8"):
        client_with(word_level(), max_length=8).complete(" mug" * 9, max_tokens=1)


def test_synchronous_calls_refuse_to_block_a_running_loop(client: LocalClient) -> None:
    async def inside() -> None:
        with pytest.raises(RuntimeError, match="await acomplete instead"):
            client.complete(" mug", max_tokens=1)
        with pytest.raises(RuntimeError, match="await acomplete_many instead"):
            complete_many(client, [" mug"], max_tokens=1)

    asyncio.run(inside())


def test_a_saved_folder_loads_and_answers_alike(client: LocalClient, tmp_path: Path) -> None:
    client.engine._model.save_pretrained(tmp_path)
    client.tokenizer.save_pretrained(tmp_path)
    loaded: LLMClient = make_client(f"local:{tmp_path}")
    assert loaded.complete(" mug", max_tokens=8).token_ids == client.complete(" mug", max_tokens=8).token_ids


def test_models_that_cannot_be_had_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown language model 'gpt:x': want openai:MODEL, "):
        make_client("gpt:x")
    with pytest.raises(ConfigError, match=r"holds no config.json"):
        make_client(f"local:{tmp_path}")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelError, match="cannot be loaded"):
        make_client(f"local:{tmp_path}")


def test_a_script_answers_in_order_and_is_cut_at_the_stop() -> None:
    client = ScriptedClient(["one; two", "three"])
    assert client.complete("p", stop=[" two", ";"], max_tokens=9).text == "one;"
    assert asyncio.run(client.acomplete("q", max_tokens=9)).text == "three"
    assert client.prompts == ["p", "q"]
    with pytest.raises(EndpointError, match="2 answers and was asked once more: 'r'"):
        client.complete("r", max_tokens=9)


def test_a_script_of_rules_prefers_the_end_of_the_prompt() -> None:
    client = ScriptedClient({"mug": "in it", "open": "at the end"})
    assert client.complete("mug, open", max_tokens=9).text == "at the end"
    assert client.complete("a mug there", max_tokens=9).text == "in it"
    with pytest.raises(EndpointError, match="no rule"):
        client.complete("nothing", max_tokens=9)


def test_a_session_on_any_client_sends_its_whole_text() -> None:
    client = ScriptedClient(["A.", "B.", "C."])

    async def dialogue() -> PromptSession:
        session = client.session(seed=0)
        session.append("x")
        await session.generate(max_tokens=5)
        twin = session.fork(seed=1)
        session.append("y")
        await session.generate(stop=["."], max_tokens=5)
        await twin.generate(max_tokens=5)
        return session

    assert asyncio.run(dialogue()).text == "xA.yB."
    assert client.prompts == ["x", "xA.y", "xA."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("[1]", "want a JSON list"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('"a"', "want a JSON list"),
    ],
)
def test_a_script_that_is_none(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "script.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        make_client(f"scripted:{path}")


def test_a_script_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"?": "!"}))
    assert make_client(f"scripted:{path}").complete("well?", max_tokens=1).text == "!"

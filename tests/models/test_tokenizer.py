"""The tokenizer made from an environment's text: lossless, names whole, nothing special in untrusted text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from dreamgym.models.tiny import new_tiny_model
from dreamgym.models.tokenizer import build_tokenizer, encode, learn_phrases

SEEN = ["You arrive at shelf 1. On the shelf 1, you see a mug 1, a toilet 2, and a pen 3."] * 30
NAMES = [f"{kind} {number}" for kind in ("shelf", "mug", "toilet", "pen") for number in range(1, 6)]
HEADS = ["\ntask:", "\nnext:", "\n>", "\nok", "\nreward: 0", "\ndone: no", " =", " to the"]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    phrases = [*learn_phrases(SEEN), " to"]
    return build_tokenizer(NAMES, [f" {SEEN[0]}", " go toilet", *HEADS], phrases)


def pieces(tokenizer: PreTrainedTokenizerFast, text: str) -> list[str]:
    return [tokenizer.decode([i]) for i in encode(tokenizer, text)]


def test_the_stretches_between_names_are_learned() -> None:
    assert set(learn_phrases(SEEN)) == {" You arrive at", ". On the", ", you see a", ", a", ", and a"}


def test_names_heads_and_phrases_are_one_token_each(tokenizer: PreTrainedTokenizerFast) -> None:
    text = "\nnext: You arrive at shelf 1. On the shelf 1, you see a mug 5.\nreward: 0\ndone: no"
    assert pieces(tokenizer, text) == [
        "\nnext:",
        " You arrive at",
        " shelf 1",
        ". On the",
        " shelf 1",
        ", you see a",
        " mug 5",
        ".",
        "\nreward: 0",
        "\ndone: no",
    ]


def test_a_phrase_never_cuts_a_word(tokenizer: PreTrainedTokenizerFast) -> None:
    assert pieces(tokenizer, " go to toilet 2") == [" go", " to", " toilet 2"]
    assert pieces(tokenizer, " go toilet") == [" go", " toilet"]


WORDS = st.sampled_from(
    [f" {name}" for name in NAMES] + HEADS + [" You arrive at", ", a", ", and a", ".", " go"]
)


@given(st.lists(WORDS, max_size=30).map("".join))
def test_text_comes_back_as_it_was(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(encode(tokenizer, text)) == text


@pytest.fixture(scope="module")
def apart() -> PreTrainedTokenizerFast:
    names, phrases = ["page 7", "page 12"], ["fill('", "', '", "')"]
    return build_tokenizer(names, [" buy 2 of the red lamp, 60.50", *HEADS], phrases, apart=True)


def test_words_apart_are_the_same_token_wherever_they_stand(apart: PreTrainedTokenizerFast) -> None:
    told, said = encode(apart, " the red lamp, 60.50"), encode(apart, "fill('6', 'red lamp')")
    for word in ("red", "lamp", "60"):
        (token,) = encode(apart, word)
        assert token in told
        assert (token in said) == (word != "60")
    assert pieces(apart, " page 12 of 60") == [" page 12", " ", "of", " ", "60"]


APART = st.sampled_from(["page 7", "red", "60.50", "2", "fill('lamp", "of\ntask:"])


@given(st.lists(APART).map(lambda words: "".join(f" {word}" for word in words)))
def test_text_of_words_apart_comes_back_as_it_was(apart: PreTrainedTokenizerFast, text: str) -> None:
    assert apart.decode(encode(apart, text)) == text


def test_untrusted_text_holds_no_special_token(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = encode(tokenizer, "<end> <pad>\nnext: <unk><end>")
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.pad_token_id not in ids


def test_it_loads_with_plain_transformers(tokenizer: PreTrainedTokenizerFast, tmp_path: str) -> None:
    tokenizer.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).encode(f" {SEEN[0]}") == encode(tokenizer, f" {SEEN[0]}")


def test_a_names_embedding_starts_near_its_kind(tokenizer: PreTrainedTokenizerFast) -> None:
    model = new_tiny_model(tokenizer, layers=1, seed=0, width=64)
    weight_VD = model.get_input_embeddings().weight
    one, two, other = (weight_VD[encode(tokenizer, text)[0]] for text in (" mug 1", " mug 2", " pen 4"))
    own = (one @ one).item()
    assert (one @ two).item() > 0.25 * own
    assert (one @ other).item() < 0.25 * own
    twin = new_tiny_model(tokenizer, layers=1, seed=0, width=64)
    assert all((a == b).all() for a, b in zip(model.parameters(), twin.parameters(), strict=True))

"""A word-level tokenizer made from an environment's own text; lossless, and loaded by plain ``transformers``.

A name with its number is one token (`` cabinet 12``), a line's head is one token (``\\nnext:``), and the
fixed stretches of text between names, found by counting, are one token each (`` You pick up the``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

PAD, UNKNOWN, END = "<pad>", "<unk>", "<end>"
NAME_TOKEN = r" [a-z]+ \d+"
LINE_HEADS = (r"\nreward: [01]", r"\ndone: (?:no|yes)", r"\n[a-z>]*:?")
TEXT_WORD = r" ?[A-Za-z_]+|\d| ?[^\sA-Za-z0-9_]+|\s"
WORD = r" ?[A-Za-z]+| ?\d+| ?[^\sA-Za-z0-9]|\s"
WORD_APART = r"[A-Za-z]+|\d+|[^\sA-Za-z0-9]|\s"


def count_phrases(texts: Iterable[str]) -> Counter[str]:
    """How often each stretch of text between names occurs, in lines as they will be tokenized."""
    name = re.compile(NAME_TOKEN)
    return Counter(piece for text in texts for piece in name.split(f" {text}") if len(piece) > 1)


def learn_phrases(texts: Iterable[str], *, most: int = 160, least_count: int = 20) -> list[str]:
    """The stretches between names that become one token each, longest first."""
    counts = count_phrases(texts)
    kept = [phrase for phrase, count in counts.most_common(most) if count >= least_count]
    return sorted(kept, key=lambda phrase: (-len(phrase), phrase))


def build_tokenizer(
    names: Sequence[str], texts: Sequence[str], phrases: Sequence[str], *, apart: bool = False
) -> PreTrainedTokenizerFast:
    """A tokenizer that knows ``names``, ``phrases`` and every other word of ``texts``.

    ``apart``: a space is a token of its own, and no name has a number but those of the kinds of ``names``. A
    word is the same token then wherever it stands, so that what was read can be copied between quotes.
    """
    word, name_token = (WORD_APART, _names_of(names)) if apart else (WORD, NAME_TOKEN)
    fixed = [
        re.escape(phrase).replace(r"\ ", " ") + (r"(?![A-Za-z])" if phrase[-1].isalpha() else "")
        for phrase in phrases
    ]
    pattern = "|".join([*LINE_HEADS, *filter(None, [name_token]), *fixed, word])
    pieces = {piece for text in texts for piece in re.findall(pattern, text)}
    # A phrase cut short is still words.
    pieces |= {piece for text in texts for piece in re.findall(word, text)}
    pieces |= {f" {name}" for name in names} | set(phrases)
    vocabulary = [PAD, UNKNOWN, END, *sorted(pieces - {PAD, UNKNOWN, END})]
    tokenizer = Tokenizer(
        models.WordLevel({token: i for i, token in enumerate(vocabulary)}, unk_token=UNKNOWN)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )


def _names_of(names: Sequence[str]) -> str:
    """Names with a number, of the kinds of ``names`` alone; empty without any."""
    kinds = sorted({name.rpartition(" ")[0] for name in names})
    return rf" (?:{'|'.join(kinds)}) \d+" if kinds else ""


def learn_tokenizer(texts: Iterable[str], *, most: int) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of at most ``most`` tokens, learned from ``texts``; it can write anything.

    Digits stand alone, so that a number nobody has seen is read like any other; no token goes over a line.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("|".join((*LINE_HEADS, TEXT_WORD))), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=most,
        special_tokens=[PAD, UNKNOWN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of untrusted text: special tokens are not recognised in it, half a character is a ``?``."""
    whole = text.encode("utf-8", "replace").decode()
    ids: list[int] = tokenizer.encode(whole, add_special_tokens=False, split_special_tokens=True)
    return ids

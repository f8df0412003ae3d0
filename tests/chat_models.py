"""Tokenizers with chat templates of the shapes that people's models have; nothing is downloaded.

A byte-level BPE trained on a few lines, special tokens and templates as in SmolLM2, Qwen and Llama 3.
"""

from __future__ import annotations

from functools import lru_cache

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = [
    "You are in a room. You see a cabinet 1, a desk 1 and a mug 2.",
    "go to cabinet 1\ntake mug 2 from cabinet 1\nopen cabinet 1\nlook\nPossible actions:\n",
    "<think> first the cabinet </think> system user assistant tool Your task: put a clean mug in shelf.",
]
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are helpful<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Qwen's: the thinking of earlier answers is left out.
THINKING = (
    "{% for message in messages %}{% set content = message['content'] %}"
    "{% if message['role'] == 'assistant' and '</think>' in content %}"
    "{% set content = content.split('</think>')[-1].lstrip('\n') %}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Llama 3's: a token that begins the text, contents trimmed.
HEADERS = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{{ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
SHAPES = {
    "smollm2": (CHATML, ("<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    "qwen": (THINKING, ("<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    "llama": (
        HEADERS,
        ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|eot_id|>",
    ),
}


@lru_cache
def chat_tokenizer(shape: str) -> PreTrainedTokenizerFast:
    """A tokenizer of about 400 tokens with the template of ``shape``."""
    template, special, end = SHAPES[shape]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=special[0],
        eos_token=end,
        pad_token=end,
        additional_special_tokens=list(special),
    )
    fast.chat_template = template
    return fast

"""Messages as the token ids of a model's own chat template; what a message says is never read as a marker.

Untrusted texts do not pass through the template: stand-ins do, and each text is encoded apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from dreamgym.core.errors import ConfigError
from dreamgym.models.llm_types import Message
from dreamgym.models.tokenizer import encode

STAND_IN_MARKS = "\ue000\ue001"  # private characters, which no template has a use for
_STAND_IN = re.compile("\ue000(\\d+)\ue001")


def stand_in(number: int) -> str:
    """What the template is given for the text of that number."""
    return f"\ue000{number}\ue001"


def rendered(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    """The conversation in the model's template, up to where the model speaks.

    Raises:
        ConfigError: the model has no chat template, or one that refuses these messages.
    """
    if tokenizer.chat_template is None:
        raise ConfigError(
            f"{tokenizer.name_or_path} has no chat template: "
            "give it a text as prompt, or take an instruct model"
        )
    conversation = [{"role": message.role, "content": message.content} for message in messages]
    try:
        return str(tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False))
    except TemplateError as error:
        roles = ", ".join(message.role for message in messages)
        refusal = f"the chat template of {tokenizer.name_or_path} refuses the roles {roles}: {error}"
        raise ConfigError(refusal) from None


def encoded(tokenizer: PreTrainedTokenizerBase, template_text: str, texts: Sequence[str]) -> list[int]:
    """The ids of a stretch of a rendered conversation, with ``texts`` where their stand-ins are."""
    ids: list[int] = []
    for number, piece in enumerate(_STAND_IN.split(template_text)):
        if number % 2:
            ids += encode(tokenizer, texts[int(piece)])
        else:
            ids += tokenizer(piece, add_special_tokens=False)["input_ids"]
    return ids


def chat_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """The ids of ``messages`` and of the opening of the answer.

    Raises:
        ConfigError: as :func:`rendered`.
    """
    markers = [*filter(None, tokenizer.all_special_tokens), *STAND_IN_MARKS]
    if not any(marker in message.content for message in messages for marker in markers):
        return list(tokenizer(rendered(tokenizer, messages), add_special_tokens=False)["input_ids"])
    stand_ins = [Message(role=m.role, content=stand_in(i)) for i, m in enumerate(messages)]
    return encoded(tokenizer, rendered(tokenizer, stand_ins), [message.content for message in messages])

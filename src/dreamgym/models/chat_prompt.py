"""Messages as the token ids of a model's own chat template; what a message says is never read as a marker."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from dreamgym.core.errors import ConfigError
from dreamgym.models.llm_types import Message
from dreamgym.models.tokenizer import encode

_STAND_IN = "\ue000{}\ue001"  # private characters, which no template and no message has a use for
_STAND_INS = re.compile("\ue000(\\d+)\ue001")


def chat_ids(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """The ids of ``messages`` and of the opening of the answer.

    Raises:
        ConfigError: the model has no chat template, or one that refuses these messages.
    """
    if tokenizer.chat_template is None:
        raise ConfigError(
            f"{tokenizer.name_or_path} has no chat template: "
            "give it a text as prompt, or take an instruct model"
        )
    markers = [token for token in tokenizer.all_special_tokens if token]
    harmless = not any(marker in message.content for message in messages for marker in markers)
    if harmless:
        return list(tokenizer(_rendered(tokenizer, messages), add_special_tokens=False)["input_ids"])
    # Markers in untrusted contents: the template is rendered around stand-ins, each content encoded apart.
    stand_ins = [Message(role=m.role, content=_STAND_IN.format(i)) for i, m in enumerate(messages)]
    ids: list[int] = []
    for number, piece in enumerate(_STAND_INS.split(_rendered(tokenizer, stand_ins))):
        if number % 2:
            ids += encode(tokenizer, messages[int(piece)].content)
        else:
            ids += tokenizer(piece, add_special_tokens=False)["input_ids"]
    return ids


def _rendered(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> str:
    conversation = [{"role": message.role, "content": message.content} for message in messages]
    try:
        return str(tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False))
    except TemplateError as error:
        roles = ", ".join(message.role for message in messages)
        refusal = f"the chat template of {tokenizer.name_or_path} refuses the roles {roles}: {error}"
        raise ConfigError(refusal) from None

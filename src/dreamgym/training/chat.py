"""Episodes in a model's own chat template, tokens in, tokens out.

What the agent sampled stays in its context as it was sampled; only what the template puts after it is
encoded. That is right as long as the template goes on where the context ends. A template that rewrites its
history (drops a ``<think>`` part, trims an answer) does not: then the whole conversation, as the template
tells it now, starts a new row. Texts of the environment are never read as special tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from dreamgym.core.data_structures import Task
from dreamgym.environments.base_env import Observation
from dreamgym.models.clients.chat_prompt import STAND_IN_MARKS, encoded, rendered, stand_in
from dreamgym.models.llm_types import Message
from dreamgym.models.tokenizer import encode
from dreamgym.training.dialogue import Dialogues, PlainDialogues, Prompt, end_token, without_end

RULES = (
    "You act in a text environment to fulfil a task. Each turn you are told what you see. "
    "Answer with your next action alone, in the environment's words."
)
_TAGGED = re.compile(r"<action>(.*?)</action>", re.DOTALL)
_THOUGHT = re.compile(r"^.*</think>", re.DOTALL)


def action_in(answer: str) -> str:
    """The action of an answer: what ``<action>`` tags hold, else what follows the thinking."""
    tagged = _TAGGED.findall(answer)
    return (tagged[-1] if tagged else _THOUGHT.sub("", answer)).strip()


class ChatDialogues:
    """Talks to a model in its tokenizer's chat template."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.end = end_token(tokenizer)
        special = sorted(map(re.escape, tokenizer.all_special_tokens), key=len, reverse=True)
        self._special = re.compile("|".join([*special, f"[{STAND_IN_MARKS}]"]))

    def begin(self, task: Task) -> ChatDialogue:
        """The dialogue of a new episode."""
        return ChatDialogue(self, task)

    def plain(self, text: str) -> str:
        """An answer as the template may repeat it: it cannot forge a role, nor a place of ours."""
        return self._special.sub("", text)


class ChatDialogue:
    """One episode as a conversation of the environment (user) and the agent (assistant)."""

    def __init__(self, dialogues: ChatDialogues, task: Task) -> None:
        self._dialogues, self._task = dialogues, task
        self._texts: list[str] = []
        self._messages: list[Message] = []
        self._context = ""  # rendered, up to and with what the agent said last

    def read(self, observation: Observation) -> Prompt:
        """What the template adds to the context; all of it where the template rewrites the context."""
        self._hear(self._told(observation))
        told = rendered(self._dialogues.tokenizer, self._messages)
        continues = told.startswith(self._context)
        added = told[len(self._context) :] if continues else told
        self._context = told
        ids = encoded(self._dialogues.tokenizer, added, self._texts)
        return Prompt(token_ids=tuple(ids), starts_row=not continues)

    def said(self, token_ids: Sequence[int]) -> str:
        """The action in the answer, which stays in the context as it was sampled."""
        tokenizer, end = self._dialogues.tokenizer, self._dialogues.end
        answer = str(tokenizer.decode(without_end(token_ids, end), skip_special_tokens=False))
        kept = self._dialogues.plain(answer)
        self._messages.append(Message(role="assistant", content=kept))
        ended = str(tokenizer.decode([end])) if token_ids and token_ids[-1] == end else ""
        self._context += kept + ended
        return action_in(answer)

    def written(self, action: str) -> tuple[int, ...]:
        """The action and the end token."""
        return (*encode(self._dialogues.tokenizer, action), self._dialogues.end)

    def _hear(self, text: str) -> None:
        self._messages.append(Message(role="user", content=stand_in(len(self._texts))))
        self._texts.append(text)

    def _told(self, observation: Observation) -> str:
        start = "" if self._texts else f"{RULES}\n\nYour task: {self._task.instruction.strip()}\n\n"
        options = "\n".join(observation.admissible or ())
        listed = f"\n\nPossible actions:\n{options}" if options else ""
        return f"{start}{observation.text.strip()}{listed}"


def dialogues_of(tokenizer: PreTrainedTokenizerBase) -> Dialogues:
    """In the model's chat template, where it has one."""
    return ChatDialogues(tokenizer) if tokenizer.chat_template else PlainDialogues(tokenizer)

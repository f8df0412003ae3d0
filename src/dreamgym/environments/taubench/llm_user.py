"""A user that a language model plays, by the script of its task."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamgym.core.errors import EpisodeError, UserSimulatorError
from dreamgym.environments.taubench.calls import printable
from dreamgym.environments.taubench.user import STOP, Reply
from dreamgym.models.llm_client import LLMClient
from dreamgym.models.llm_types import Message

GREETING = "Hi! How can I help you today?"  # what the agent is taken to have said before the user speaks
MAX_TOKENS = 300
MAX_REPLY = 4_000  # characters
TRIES = 2
RULES = """You play a customer who talks to a customer service agent. Keep to this role, whatever is said.

Who you are and what you want:
{instruction}

How you talk:
- One short message at a time, as this customer would write it.
- Tell only what the agent needs at this point, not everything at once.
- Say nothing that you were not told above. Asked for something else, say that you do not know it.
- Do not repeat the text above word for word.
- When everything that you want is done, or clearly cannot be done, answer with {stop} and nothing else."""


@dataclass(frozen=True, kw_only=True)
class LLMUser:
    """Plays ``instruction``; the same model, script, seed and agent give the same conversation."""

    client: LLMClient
    instruction: str
    seed: int
    messages: tuple[Message, ...] = ()

    async def open(self) -> Reply:
        """See ``User``."""
        rules = RULES.format(instruction=self.instruction, stop=STOP)
        return await self._ask(Message(role="system", content=rules), Message(role="user", content=GREETING))

    async def answer(self, content: str) -> Reply:
        """See ``User``."""
        return await self._ask(Message(role="user", content=content))

    async def _ask(self, *said: Message) -> Reply:
        messages = (*self.messages, *said)
        for attempt in range(TRIES):
            text = await self._complete(messages, self.seed + len(messages) + 1_000 * attempt)
            if text:
                answer = Message(role="assistant", content=text)
                return Reply(text=text, user=replace(self, messages=(*messages, answer)))
        raise UserSimulatorError(f"the user simulator said nothing, {TRIES} times")

    async def _complete(self, messages: tuple[Message, ...], seed: int) -> str:
        try:
            completion = await self.client.acomplete(list(messages), max_tokens=MAX_TOKENS, seed=seed)
        except (EpisodeError, TimeoutError) as error:
            raise UserSimulatorError(f"the user simulator did not answer: {error}") from error
        return printable(completion.text.strip())[:MAX_REPLY]

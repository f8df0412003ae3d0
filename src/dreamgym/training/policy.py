"""The agent π: a local causal LM that reads observations, writes actions, and remembers its own tokens.

An episode is one growing context, the row that is trained on later:

    \\ntask: {instruction}\\nsees: {observation}\\naction:{action}<eos>\\nsees: {observation}\\naction:…
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from dreamgym.core.config import PolicyModelConfig
from dreamgym.core.data_structures import Action, Task
from dreamgym.core.errors import ConfigError, ContextFullError
from dreamgym.environments.base_env import Observation
from dreamgym.models.batching_engine import BatchingEngine, Session
from dreamgym.models.tokenizer import encode
from dreamgym.training.logprobs import check_plain_head
from dreamgym.training.state_files import load_module, read_json, save_module
from dreamgym.utils.atomic import write_json

WEIGHTS_FILE, STATE_FILE = "model.safetensors", "policy.json"


class Agent(Protocol):
    """A policy in one episode."""

    async def act(self, observation: Observation) -> Action:
        """Read ``observation``, answer with an action. Raises ``ContextFullError``."""
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...


class Policy(Protocol):
    """What rollouts and evaluation need; ``version`` counts the updates behind its weights."""

    version: int

    def start(self, task: Task, seed: int) -> Agent:
        """An agent at the start of an episode; the same task, seed and observations give the same actions."""
        ...


def opening_prompt(task: Task, observation: Observation) -> str:
    """What the agent reads before its first action."""
    return f"\ntask: {one_line(task.instruction)}{turn_prompt(observation)}"


def turn_prompt(observation: Observation) -> str:
    """What the agent reads before each later action; options where the environment lists them."""
    options = (
        ""
        if observation.admissible is None
        else f"\noptions: {' | '.join(map(one_line, observation.admissible))}"
    )
    return f"\nsees: {one_line(observation.text)}{options}\naction:"


def one_line(text: str) -> str:
    """``text`` with every stretch of white space as one blank: no text can forge a line of the prompt."""
    return " ".join(text.split())


class LocalPolicy:
    """A trainable Hugging Face causal LM; all its agents sample through one batching engine."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, config: PolicyModelConfig
    ) -> None:
        if tokenizer.eos_token_id is None:
            raise ConfigError("the policy's tokenizer has no eos token: an action must have an end, set one")
        check_plain_head(model)
        self.model = model.eval()  # no dropout: the learner must see the probabilities that the sampler saw
        self.tokenizer = tokenizer
        self.config = config
        self.version = 0
        self._engine = BatchingEngine(model, max_length=config.context_length)

    def start(self, task: Task, seed: int) -> LocalAgent:
        """An agent with a session of its own; the caller closes it."""
        return LocalAgent(self, self._engine.session(seed=seed), task)

    def updated(self) -> None:
        """Count an update of the weights; agents started before it must be closed."""
        self.version += 1
        self._engine.reset()  # nothing that was computed with the old weights may be read again

    def save(self, folder: Path) -> None:
        """A folder that plain ``transformers`` loads, and the version."""
        self.model.config.architectures = [type(self.model).__name__]
        self.model.config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        save_module(self.model, folder / WEIGHTS_FILE)
        write_json(folder / STATE_FILE, {"version": self.version})

    def load(self, folder: Path) -> None:
        """Continue from ``save``, bit-equal."""
        version = int(read_json(folder / STATE_FILE)["version"])
        load_module(self.model, folder / WEIGHTS_FILE)
        self.version = version


class LocalAgent:
    """One episode of a ``LocalPolicy``: a session whose cache grows with every turn."""

    def __init__(self, policy: LocalPolicy, session: Session, task: Task) -> None:
        self._tokenizer = policy.tokenizer
        self._config = policy.config
        self._session = session
        self._task = task
        self._at_start = True

    async def act(self, observation: Observation) -> Action:
        """The next action, sampled until the eos token, which stays among its tokens."""
        prompt = opening_prompt(self._task, observation) if self._at_start else turn_prompt(observation)
        prompt_ids = encode(self._tokenizer, prompt)
        self._check_room(len(prompt_ids))
        self._at_start = False
        self._session.append(prompt_ids)
        generated = await self._session.generate(
            stop_ids=(self._eos_id,),
            max_tokens=self._config.max_action_tokens,
            temperature=self._config.temperature,
        )
        return Action(
            text=self._text(generated.token_ids),
            prompt_ids=tuple(prompt_ids),
            token_ids=tuple(generated.token_ids),
            logprobs=tuple(generated.logprobs),
        )

    def close(self) -> None:
        """Free the cache."""
        self._session.close()

    @property
    def _eos_id(self) -> int:
        return int(self._tokenizer.eos_token_id)

    def _check_room(self, prompt_length: int) -> None:
        # A whole action must fit: one cut short by the context would be the machine's doing, not the agent's.
        needed = self._session.length + prompt_length + self._config.max_action_tokens
        if needed > self._config.context_length:
            raise ContextFullError(
                f"this turn needs {needed} tokens of context but policy_model.context_length is "
                f"{self._config.context_length}: raise it, or lower the turn limit"
            )

    def _text(self, token_ids: Sequence[int]) -> str:
        spoken = [token_id for token_id in token_ids if token_id != self._eos_id]
        return str(self._tokenizer.decode(spoken)).strip()

"""The agent π: a local causal LM that reads observations, writes actions, and remembers its own tokens.

An episode is one growing context, the row that is trained on later; ``dialogue`` says what stands in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from dreamgym.core.config import PolicyModelConfig
from dreamgym.core.data_structures import Action, Task
from dreamgym.core.errors import ContextFullError
from dreamgym.environments.base_env import Observation
from dreamgym.models.adapter import ADAPTER_WEIGHTS, Adapter
from dreamgym.models.clients.token_server import TokenServer
from dreamgym.models.engine.batching_engine import BatchingEngine, Generated
from dreamgym.training.chat import dialogues_of
from dreamgym.training.dialogue import end_token
from dreamgym.training.logprobs import check_plain_head
from dreamgym.training.state_files import disk_errors, load_module, read_json, read_tensors, save_module
from dreamgym.utils.atomic import write_json
from dreamgym.utils.seeds import derive_seed

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


class SampledSession(Protocol):
    """A growing context of tokens."""

    @property
    def length(self) -> int: ...

    def append(self, ids: Sequence[int]) -> None: ...

    async def generate(
        self, *, stop_ids: Collection[int], max_tokens: int, temperature: float
    ) -> Generated: ...

    def close(self) -> None: ...


class Sampler(Protocol):
    """What samples the policy's tokens: this process, or a server."""

    def session(self, *, seed: int) -> SampledSession: ...

    def reset(self) -> None:
        """The weights are others now."""
        ...


class LocalPolicy:
    """A trainable Hugging Face causal LM; all its agents sample through one batching engine.

    With an ``adapter``, that alone is trained, saved and loaded. ``autocast`` computes in bfloat16 what the
    float32 weights say, for sampler and learner alike. With a ``server`` the tokens are sampled there.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        config: PolicyModelConfig,
        *,
        adapter: Adapter | None = None,
        autocast: bool = False,
        server: TokenServer | None = None,
    ) -> None:
        self.dialogues = dialogues_of(tokenizer)
        check_plain_head(model)
        self.model = model.eval()  # no dropout: the learner must see the probabilities that the sampler saw
        self.tokenizer = tokenizer
        self.config = config
        self.adapter = adapter
        self.autocast = autocast
        self.version = 0
        self._sampler: Sampler = server or BatchingEngine(
            model, max_length=config.context_length, autocast=autocast
        )

    def start(self, task: Task, seed: int) -> LocalAgent:
        """An agent with a session of its own; the caller closes it."""
        return LocalAgent(self, task, seed)

    def trained(self) -> dict[str, nn.Parameter]:
        """The weights that an update changes, by name."""
        return dict(self.model.named_parameters()) if self.adapter is None else self.adapter.parameters()

    def session(self, seed: int) -> SampledSession:
        """An empty context."""
        return self._sampler.session(seed=seed)

    def updated(self) -> None:
        """Count an update of the weights; agents started before it must be closed."""
        self.version += 1
        self._sampler.reset()  # nothing that was computed with the old weights may be read again

    def save(self, folder: Path) -> None:
        """A folder that ``transformers`` loads, or peft where only an adapter is trained; the version."""
        self.tokenizer.save_pretrained(folder)
        if self.adapter is not None:
            with disk_errors(folder):
                self.adapter.write(folder)
        else:
            self.model.config.architectures = [type(self.model).__name__]
            self.model.config.save_pretrained(folder)
            save_module(self.model, folder / WEIGHTS_FILE)
        write_json(folder / STATE_FILE, {"version": self.version})

    def load(self, folder: Path) -> None:
        """Continue from ``save``, bit-equal."""
        version = int(read_json(folder / STATE_FILE)["version"])
        if self.adapter is not None:
            self.adapter.load_tensors(read_tensors(folder / ADAPTER_WEIGHTS))
        else:
            load_module(self.model, folder / WEIGHTS_FILE)
        self.version = version
        self._sampler.reset()


class LocalAgent:
    """One episode of a ``LocalPolicy``: a session whose cache grows with every turn."""

    def __init__(self, policy: LocalPolicy, task: Task, seed: int) -> None:
        self._policy = policy
        self._seed = seed
        self._rows = 0
        self._dialogue = policy.dialogues.begin(task)
        self._session = policy.session(seed)

    async def act(self, observation: Observation) -> Action:
        """The next action, sampled until the end token, which stays among its tokens."""
        config, prompt = self._policy.config, self._dialogue.read(observation)
        if prompt.starts_row:
            self._start_row()
        self._check_room(len(prompt.token_ids))
        self._session.append(prompt.token_ids)
        generated = await self._session.generate(
            stop_ids=(end_token(self._policy.tokenizer),),
            max_tokens=config.max_action_tokens,
            temperature=config.temperature,
        )
        return Action(
            text=self._dialogue.said(generated.token_ids),
            prompt_ids=prompt.token_ids,
            token_ids=tuple(generated.token_ids),
            logprobs=tuple(generated.logprobs),
            starts_row=prompt.starts_row,
        )

    def close(self) -> None:
        """Free the cache."""
        self._session.close()

    def _start_row(self) -> None:
        """Continue in an empty context: the template tells the past anew."""
        self._session.close()
        self._rows += 1
        self._session = self._policy.session(derive_seed(self._seed, "row", self._rows))

    def _check_room(self, prompt_length: int) -> None:
        # A whole action must fit: one cut short by the context would be the machine's doing, not the agent's.
        config = self._policy.config
        needed = self._session.length + prompt_length + config.max_action_tokens
        if needed > config.context_length:
            raise ContextFullError(
                f"this turn needs {needed} tokens of context but policy_model.context_length is "
                f"{config.context_length}: raise it, or lower the turn limit"
            )

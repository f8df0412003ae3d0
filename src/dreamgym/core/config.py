"""Every setting of a run: a section per component, as in the YAML; ``environment`` has its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from dreamgym.core.config_section import Section
from dreamgym.core.environment_config import EnvironmentConfig

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]


class ReasoningModelConfig(Section):
    """The experience model M_exp (paper §3)."""

    name: str = Field(
        "embedded", description="'embedded', a causal LM as for the policy, or a client such as openai:MODEL"
    )
    device: Device = "auto"
    top_k: int = Field(2, ge=0, description="retrieved experiences per turn (Eq. 4)")
    context: Literal["quotes", "sheet", "history", "instructed"] = Field(
        "quotes",
        description="what it reads: lines that it quotes, the whole sheet, or no sheet but all turns; "
        "'instructed' tells a model that was not fitted what to do, as hosted ones always are",
    )
    history: int | None = Field(
        None, ge=0, description="turns before this one that 'sheet' and 'history' show; None: all of them"
    )
    reasoning: bool = Field(True, description="reason before answering (Eq. 4)")
    closed_world: bool = Field(
        True, description="refuse forms of action and kinds of thing that the offline data never held"
    )
    max_answer_tokens: PositiveInt = 384
    temperature: NonNegativeFloat = Field(0.0, description="of facts and verdicts; imagining samples at 1")
    retries: int = Field(1, ge=0, description="new tries after a malformed answer")

    @model_validator(mode="after")
    def _quotes_are_reasoning(self) -> ReasoningModelConfig:
        if self.context == "quotes" and not self.reasoning:
            raise ValueError(
                "context 'quotes' shows a world by the quotes of its reasoning: "
                "without reasoning use context 'sheet' or 'history'"
            )
        return self


class PolicyModelConfig(Section):
    """The agent π."""

    name: str = Field(
        "embedded", description="'embedded', 'smollm2', a causal LM's folder or .gguf, or a Hugging Face name"
    )
    device: Device = Field("auto", description="the GPU where there is one")
    precision: Precision = Field("auto", description="of computing and of frozen weights; bfloat16 on a GPU")
    lora_rank: int = Field(0, ge=0, description="rank of a LoRA adapter; 0 trains every weight")
    gradient_checkpointing: bool = Field(False, description="less memory in updates for a third more time")
    server: str = Field("", description="URL of a vLLM server that samples the actions; empty: this process")
    server_adapters: Path = Field(
        Path("data/adapters"), description="folder that the server reads adapters from"
    )
    temperature: PositiveFloat = 1.0
    max_action_tokens: PositiveInt = 16
    context_length: PositiveInt = 2048


class BufferConfig(Section):
    """The experience replay buffer (paper §4)."""

    capacity: PositiveInt = Field(100_000, le=10_000_000)
    synthetic_ratio: float = Field(1.0, ge=0.0, le=1.0, description="share of groups rolled out in the dream")
    embedding: str = Field(
        "hashing", description="'hashing', 'minilm', a sentence-transformers folder, or an /embeddings URL"
    )
    embedding_model: str = Field("", description="the model asked for at the URL")
    embedding_size: PositiveInt = 256
    path: Path | None = Field(None, description="SQLite file; None keeps it in the run folder")


class CurriculumConfig(Section):
    """The curriculum task generator (paper §5)."""

    name: str = Field("rules", description="who varies tasks: 'rules', or a client such as openai:MODEL")
    synthetic_share: float = Field(0.25, ge=0.0, le=1.0, description="λ, the bound on synthetic tasks")
    difficulty_increment: NonNegativeFloat = Field(0.1, description="0 switches the curriculum off")
    num_seeds: PositiveInt = Field(4, description="m of Eq. 6")
    variations_per_iteration: PositiveInt = 8
    retire_after: PositiveInt = Field(
        3, description="groups without a success before a synthetic task retires"
    )


class RLConfig(Section):
    """PPO and GRPO (paper §2, §6)."""

    algorithm: Literal["grpo", "ppo"] = "grpo"
    group_size: PositiveInt = 8
    learning_rate: PositiveFloat = 2.5e-4
    critic_learning_rate: PositiveFloat = 1e-3
    clip: PositiveFloat = 0.2
    importance_cap: NonNegativeFloat = Field(
        0.0, description="truncates the weights that correct a sampler unlike the learner; 0 trusts it"
    )
    kl_coefficient: NonNegativeFloat = 0.0
    invalid_action_penalty: NonNegativeFloat = Field(
        0.1, description="taken from the advantage of a turn whose action the world refused"
    )
    entropy_coefficient: NonNegativeFloat = 0.0
    gamma: float = Field(1.0, ge=0.0, le=1.0)
    gae_lambda: float = Field(1.0, ge=0.0, le=1.0)
    epochs: PositiveInt = 1
    minibatch_tokens: PositiveInt = Field(4_096, description="padded tokens per forward; bounds memory")
    minibatches: PositiveInt = Field(2, description="optimizer steps per epoch")
    max_grad_norm: PositiveFloat = 1.0
    loss_normalisation: Literal["token", "sequence"] = Field(
        "sequence", description="what weighs the same in the loss: every agent token, or every row"
    )


class Phase(Section):
    """A stretch of iterations in one kind of world; sim-to-real is ``dream`` then ``real``."""

    world: Literal["dream", "real"] = "dream"
    iterations: PositiveInt = 20


class FidelityConfig(Section):
    """The gate before RL in a dream, and the audit during it (README: how far can the dream be trusted?)."""

    gate: bool = True
    min_invalid_recognised: float = Field(0.995, ge=0.0, le=1.0)
    max_false_wins_per_1000_turns: NonNegativeFloat = 1.0
    min_whole_episodes: float = Field(0.95, ge=0.0, le=1.0)
    episodes: PositiveInt = Field(160, description="dreamed episodes replayed by the gate")
    audit: Literal["consistency", "replay"] = Field(
        "consistency",
        description="ask the model again (free), or replay in the real engine (costs real turns)",
    )
    audit_share: float = Field(0.1, ge=0.0, le=1.0, description="dreamed episodes checked in each iteration")
    max_gap: NonNegativeFloat = Field(
        0.15, description="share of episodes whose win the audit denies that, chance apart, raises the flag"
    )
    max_wrong_turns: NonNegativeFloat = Field(
        0.002, description="share of turns answered wrongly, as the audit tells, that raises it likewise"
    )
    max_odd_wins: NonNegativeFloat = Field(
        0.05, description="share of wins that are like no logged one that raises it likewise"
    )
    max_malformed: NonNegativeFloat = Field(
        0.1, description="share of dreamed episodes without an answer of the dream that raises it likewise"
    )
    on_exploitation: Literal["warn", "stop", "fall_back", "refresh"] = Field(
        "warn",
        description="what a flag does: say so; end at the best policy; go on from it; the same, with the "
        "audited real turns in the replay buffer",
    )

    @model_validator(mode="after")
    def _refreshes_with_something(self) -> FidelityConfig:
        if self.on_exploitation == "refresh" and self.audit != "replay":
            raise ValueError(
                "on_exploitation 'refresh' needs real turns, and the audit 'consistency' plays none: "
                "set training.fidelity.audit to replay, or on_exploitation to fall_back"
            )
        return self


class TrainingConfig(Section):
    """The run."""

    output_dir: Path = Path("data/checkpoints")
    log_dir: Path = Path("logs")
    seed: int = 42
    phases: tuple[Phase, ...] = (Phase(),)
    tasks_per_iteration: PositiveInt = 12
    eval_every: int = Field(0, ge=0, description="iterations between evaluations; 0: first and last only")
    eval_episodes: PositiveInt = 200
    checkpoint_every: PositiveInt = 5
    concurrency: PositiveInt = Field(128, description="episodes that run at once")
    max_failed_share: float = Field(
        0.5, ge=0.0, le=1.0, description="more failed episodes than this stop the run"
    )
    use_wandb: bool = False
    fidelity: FidelityConfig = FidelityConfig()

    @field_validator("phases")
    @classmethod
    def _something_to_do(cls, phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
        if not phases:
            raise ValueError("training.phases is empty: name one, such as {world: dream, iterations: 20}")
        return phases

    @property
    def num_iterations(self) -> int:
        """Iterations of all phases."""
        return sum(phase.iterations for phase in self.phases)

    def world_of(self, iteration: int) -> Literal["dream", "real"]:
        """The kind of world that iteration ``iteration``, counted from 0, is in."""
        for phase in self.phases:
            if iteration < phase.iterations:
                return phase.world
            iteration -= phase.iterations
        raise ValueError(f"there are only {self.num_iterations} iterations")


class LLMConfig(Section):
    """Hosted language models and servers, ``openai:MODEL`` and ``anthropic:MODEL`` (docs/clients.md)."""

    base_url: str = Field("", description="of an OpenAI-compatible server; OPENAI_BASE_URL where empty")
    timeout_s: PositiveFloat = Field(120.0, description="of one try of a call")
    retries: int = Field(5, ge=0, description="new tries of a call, after waiting")
    concurrency: PositiveInt = Field(16, description="calls of a client at once")
    failures_in_a_row: PositiveInt = Field(20, description="calls failed for good that stop the run")
    max_tokens: PositiveInt | None = Field(None, description="that the run may read and write in all")
    max_cost_usd: PositiveFloat | None = Field(None, description="that the run may cost in all")
    input_usd_per_million: NonNegativeFloat | None = Field(None, description="price of tokens read")
    output_usd_per_million: NonNegativeFloat | None = Field(None, description="price of tokens written")

    @field_validator("base_url")
    @classmethod
    def _a_url_without_a_key(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError(f"llm.base_url is {url!r}: wanted a URL such as http://localhost:8000/v1")
        if "@" in url or "?" in url:
            raise ValueError(
                "llm.base_url holds a user, a password or a query: keys come from OPENAI_API_KEY"
            )
        return url

    @model_validator(mode="after")
    def _money_needs_prices(self) -> LLMConfig:
        prices = (self.input_usd_per_million, self.output_usd_per_million)
        if None in prices and (self.max_cost_usd is not None or prices != (None, None)):
            raise ValueError(
                "llm.max_cost_usd and the prices go together: prices change, so say what your model costs in "
                "llm.input_usd_per_million and llm.output_usd_per_million (0 for a server of your own)"
            )
        return self


class DreamGymConfig(Section):
    """A whole run, as in ``configs/*.yaml``."""

    reasoning_model: ReasoningModelConfig = ReasoningModelConfig()
    policy_model: PolicyModelConfig = PolicyModelConfig()
    buffer: BufferConfig = BufferConfig()
    curriculum: CurriculumConfig = CurriculumConfig()
    rl: RLConfig = RLConfig()
    training: TrainingConfig = TrainingConfig()
    environment: EnvironmentConfig = EnvironmentConfig()
    llm: LLMConfig = LLMConfig()

    @property
    def dreams(self) -> bool:
        """Whether any rollout is dreamed."""
        return self.buffer.synthetic_ratio > 0 and any(p.world == "dream" for p in self.training.phases)

    @model_validator(mode="after")
    def _fits_together(self) -> DreamGymConfig:
        if self.environment.show_admissible and self.dreams:
            raise ValueError(
                "environment.show_admissible is on, but a dream cannot list the valid actions: "
                "switch it off, or train for real (buffer.synthetic_ratio = 0)"
            )
        if self.policy_model.server and not self.rl.importance_cap:
            raise ValueError(
                "policy_model.server samples with other kernels than the learner's: "
                "set rl.importance_cap=2.0, which measures and corrects the difference"
            )
        if self.environment.name == "traces":
            self._need_no_real_world()
        if self.rl.algorithm == "grpo" and self.rl.group_size < 2:
            raise ValueError(
                f"rl.group_size is {self.rl.group_size}: GRPO compares the rollouts of a group, use 2 or more"
            )
        return self

    def _need_no_real_world(self) -> None:
        """Refuse what traces have not: a world to play in, and a sheet of it."""
        wanted = {
            "buffer.synthetic_ratio = 1.0": self.buffer.synthetic_ratio == 1.0,
            "phases in the world 'dream' alone": all(p.world == "dream" for p in self.training.phases),
            "training.fidelity.audit = consistency": self.training.fidelity.audit == "consistency",
            "reasoning_model.context = history": self.reasoning_model.context == "history",
            "reasoning_model.closed_world = false": not self.reasoning_model.closed_world,
        }
        if missing := [setting for setting, is_set in wanted.items() if not is_set]:
            raise ValueError(
                f"traces have no real environment and no sheet: set {', '.join(missing)}, "
                "or begin with configs/traces.yaml"
            )

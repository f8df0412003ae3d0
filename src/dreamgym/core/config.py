"""Every setting of a run on one page: a section per component, as in the YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)


class Section(BaseModel):
    """A frozen section that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class ReasoningModelConfig(Section):
    """The experience model M_exp (paper §3)."""

    name: str = Field("embedded", description="'embedded' or the folder of a causal LM")
    top_k: int = Field(2, ge=0, description="retrieved experiences per turn (Eq. 4)")
    context: Literal["quotes", "sheet", "history"] = Field(
        "quotes",
        description="what it reads: lines that it quotes, the whole sheet, or no sheet but all turns",
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

    name: str = Field("embedded", description="'embedded' or the folder of a causal LM")
    temperature: PositiveFloat = 1.0
    max_action_tokens: PositiveInt = 16
    context_length: PositiveInt = 2048


class BufferConfig(Section):
    """The experience replay buffer (paper §4)."""

    capacity: PositiveInt = Field(100_000, le=10_000_000)
    synthetic_ratio: float = Field(1.0, ge=0.0, le=1.0, description="share of groups rolled out in the dream")
    embedding: str = Field(
        "hashing", description="'hashing', a sentence-transformers folder, or an /embeddings URL"
    )
    embedding_model: str = Field("", description="the model asked for at the URL")
    embedding_size: PositiveInt = 256
    path: Path | None = Field(None, description="SQLite file; None keeps it in the run folder")


class CurriculumConfig(Section):
    """The curriculum task generator (paper §5)."""

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
    on_exploitation: Literal["warn", "stop"] = "warn"


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


class EnvironmentConfig(Section):
    """The real environment."""

    name: Literal["alfworld", "webshop", "webarena", "taubench", "traces"] = "alfworld"
    data_dir: Path | None = Field(None, description="folder of official games; DREAMGYM_DATA where unset")
    max_turns: PositiveInt = Field(50, description="turn limit of evaluation and real episodes")
    dream_max_turns: PositiveInt = Field(30, description="turn limit of dreamed episodes")
    show_admissible: bool = False
    offline_data: Path | None = Field(None, description="offline trajectories; None takes the shipped ones")


class DreamGymConfig(Section):
    """A whole run, as in ``configs/*.yaml``."""

    reasoning_model: ReasoningModelConfig = ReasoningModelConfig()
    policy_model: PolicyModelConfig = PolicyModelConfig()
    buffer: BufferConfig = BufferConfig()
    curriculum: CurriculumConfig = CurriculumConfig()
    rl: RLConfig = RLConfig()
    training: TrainingConfig = TrainingConfig()
    environment: EnvironmentConfig = EnvironmentConfig()

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
            "reasoning_model.reasoning = false": not self.reasoning_model.reasoning,
            "reasoning_model.closed_world = false": not self.reasoning_model.closed_world,
        }
        if missing := [setting for setting, is_set in wanted.items() if not is_set]:
            raise ValueError(
                f"traces have no real environment, no sheet and no reasoning: set {', '.join(missing)}, "
                "or begin with configs/traces.yaml"
            )

"""DreamGym: reinforcement learning of LLM agents inside a reasoning experience model."""

__version__ = "0.1.0"

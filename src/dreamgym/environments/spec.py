"""A real environment by the name of its class: what another process can be told to make, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from dreamgym.core.errors import ConfigError
from dreamgym.environments.base_env import Environment


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentSpec:
    """How to make a real environment: ``place`` is ``package.module:Class``, the rest are its settings.

    ``options`` are those that this class alone has, by name.
    """

    name: str
    place: str
    max_turns: int
    data_dir: str = ""
    show_admissible: bool = False
    options: tuple[tuple[str, str], ...] = ()

    def make(self) -> Environment:
        """A fresh one, in this process.

        Raises:
            ConfigError: there is no such class.
        """
        folder = Path(self.data_dir) if self.data_dir else None
        own = dict(self.options)
        return self._maker()(self.max_turns, folder, show_admissible=self.show_admissible, **own)

    def _maker(self) -> Callable[..., Environment]:
        module, _, name = self.place.partition(":")
        try:
            maker: Callable[..., Environment] = vars(import_module(module))[name]
        except (ModuleNotFoundError, KeyError) as error:
            raise ConfigError(f"no environment {self.place}: {error}") from error
        return maker

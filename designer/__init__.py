"""Reward design for reinforcement learning by language models: from a sentence to a judged reward.

What Python programs use is in `designer.api` and is brought in when it is first named: `import designer` alone loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from designer.api import Result as Result
    from designer.api import Task as Task
    from designer.api import check_reward as check_reward
    from designer.api import describe as describe
    from designer.api import open_run as open_run
    from designer.api import run as run
    from designer.config import Config as Config
    from designer.errors import DesignerError as DesignerError

__version__ = "0.1.0"
__all__ = ["Config", "DesignerError", "Result", "Task", "__version__", "check_reward", "describe", "open_run", "run"]

_HOMES = {"Config": "designer.config", "DesignerError": "designer.errors"}


def __getattr__(name: str) -> Any:
    """Bring in a public name when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'designer' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "designer.api")), name)


def __dir__() -> list[str]:
    return sorted(__all__)

"""Ask any of the providers that litellm speaks to. An extra: `pip install designer[litellm]`; imported at the first call."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping
from typing import Any

from designer.errors import ConfigError
from designer.llm import Reply, Request
from designer.llm.capabilities import Capabilities
from designer.llm.completion import read_completion
from designer.llm.openai_compatible import QUOTED_CHARS, Parameter
from designer.llm.patience import Patience, Setback
from designer.llm.refusals import judged, refused_parameter
from designer.records import digest
from designer.text import one_line

FLOOR = (1, 106)
"""Older ones fall under a published vulnerability; two of them carried a credential stealer."""
KEY_HINT = "litellm reads each provider's own variable, such as ANTHROPIC_API_KEY or GEMINI_API_KEY."


class LiteLLM:
    """One model by litellm's name for it, such as `anthropic/NAME`. Implements `LLM`. Keys are litellm's matter."""

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        patience: Patience | None = None,
        parameters: Mapping[str, Parameter] | None = None,
        capabilities: Capabilities | None = None,
    ) -> None:
        self.name = model
        self._base_url = base_url
        self._patience = patience or Patience()
        self._parameters: dict[str, Parameter] = dict({"temperature": 1.0} if parameters is None else parameters)
        self._capabilities = capabilities or Capabilities()

    @property
    def _whom(self) -> str:
        """Whose the refused parameters are. The address may hold a secret, so only a hash of it is told."""
        return f"{self.name} through litellm" + (f" at {digest(self._base_url)}" if self._base_url else "")

    def complete(self, request: Request) -> Reply:
        """Ask until there is an answer. Raises ConfigError without the extra, ModelKeyError, ModelRefusedError,
        ModelUnreachableError.
        """
        litellm = imported()
        return self._patience.ask(f"{self.name} through litellm", lambda limit_s: self._attempt(litellm, request, limit_s))

    def _attempt(self, litellm: Any, request: Request, limit_s: float) -> Reply | Setback:  # Any: an untyped module
        import openai  # litellm's errors are subclasses of openai's

        while True:
            refused_before = self._capabilities.refused(self._whom)
            parameters = {name: value for name, value in self._parameters.items() if name not in refused_before}
            try:
                answer = litellm.completion(
                    model=self.name,
                    messages=[message.spoken for message in request.messages],
                    base_url=self._base_url,
                    timeout=limit_s,
                    num_retries=0,
                    max_retries=0,
                    **parameters,
                )
            except openai.APIStatusError as error:
                refused = refused_parameter(error, parameters)
                if refused is None:
                    return judged(error, f"{self.name} through litellm", KEY_HINT, _quoted, request.has_images)
                self._capabilities.refuse(self._whom, refused)
                continue
            except openai.APITimeoutError:
                return Setback(f"no answer within {limit_s:.0f} s")
            except openai.APIConnectionError as error:
                return Setback(f"no connection: {_quoted(str(error))}", no_contact=True)
            reply = read_completion(answer.model_dump_json(), self.name)
            return reply if isinstance(reply, Reply) else Setback(f"it answered with {_quoted(reply.reason)}")


def imported() -> Any:  # Any: an untyped module
    """Import litellm without its call to the network. Raises ConfigError where it is missing or too old."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else the import itself fetches a price list
    try:
        version = importlib.metadata.version("litellm")
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError("llm.provider = litellm needs the extra: pip install 'designer[litellm]'.") from None
    if tuple(int(part) for part in version.split(".")[:2]) < FLOOR:
        floor = ".".join(map(str, FLOOR))
        raise ConfigError(f"litellm {version} is older than {floor}, which is not safe. Type: pip install 'litellm>={floor}'.")
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def _quoted(text: str) -> str:
    return one_line(text, QUOTED_CHARS)

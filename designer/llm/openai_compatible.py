"""Ask any endpoint that speaks OpenAI's chat completions, through the real SDK, with bounded patience."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import SplitResult, urlsplit

from designer.addresses import secrets_of, without_secret
from designer.errors import ConfigError, ModelKeyError, ModelRefusedError
from designer.llm import Reply, Request
from designer.llm.capabilities import Capabilities
from designer.llm.completion import read_completion
from designer.llm.patience import Patience, Setback
from designer.llm.refusals import judged, refused_parameter
from designer.text import one_line

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

OPENAI_URL = "https://api.openai.com/v1"
QUOTED_CHARS = 300
KEY_HINT = "Check OPENAI_API_KEY, and that its account may use this model."
Parameter = str | int | float | bool


class OpenAICompatible:
    """One model at one endpoint. Implements `LLM`; one instance may be shared by threads.

    `patience` bounds an attempt and the whole call, slow drips included. A parameter that the endpoint refuses is left out
    from then on. `n` is never sent: servers ignore or refuse it, so every call asks for one choice. The key is in no error,
    no repr and no stored file.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        patience: Patience | None = None,
        parameters: Mapping[str, Parameter] | None = None,
        capabilities: Capabilities | None = None,
    ) -> None:
        """`parameters` go with each request, by default {"temperature": 1.0}; `capabilities` remember what is refused.

        Raises ConfigError for a bad URL.
        """
        self.name = model
        self._base_url = base_url
        self._api_key = (api_key or "").strip()
        self._address = _address(base_url, self._quoted(without_secret(base_url)))
        self._patience = patience or Patience()
        self._parameters: dict[str, Parameter] = dict({"temperature": 1.0} if parameters is None else parameters)
        self._capabilities = capabilities or Capabilities()

    def __repr__(self) -> str:
        return f"OpenAICompatible(model={self.name!r}, endpoint={self._endpoint!r})"

    @property
    def _endpoint(self) -> str:
        """The URL without whatever secrets it may carry."""
        return without_secret(self._base_url)

    @property
    def _whom(self) -> str:
        return f"{self.name} at {self._endpoint}"

    def complete(self, request: Request) -> Reply:
        """Ask until there is an answer. Raises ModelKeyError, ModelRefusedError, ModelUnreachableError."""
        key = self.usable_key()
        return self._patience.ask(self._whom, lambda limit_s: self._attempt(request, key, limit_s))

    def _attempt(self, request: Request, key: str, limit_s: float) -> Reply | Setback:
        """Ask once, and again for each parameter that is refused."""
        import openai

        while True:
            refused_before = self._capabilities.refused(self._whom)
            parameters = {name: value for name, value in self._parameters.items() if name not in refused_before}
            try:
                body = asyncio.run(self._post(request, key, limit_s, parameters))
            except TimeoutError:
                return Setback(f"no answer within {limit_s:.0f} s")
            except openai.APIStatusError as error:
                refused = refused_parameter(error, parameters)
                if refused is None:
                    return judged(error, self._whom, KEY_HINT, self._quoted, request.has_images)
                self._capabilities.refuse(self._whom, refused)
                continue
            except openai.APIConnectionError as error:
                return Setback(f"no connection: {self._quoted(str(error.__cause__ or error))}", no_contact=True)
            return self._read(body)

    async def _post(self, request: Request, key: str, limit_s: float, parameters: dict[str, Parameter]) -> str:
        """Return the answer's body. Asyncio, because its timeout bounds the whole exchange, slow drips included."""
        from openai import AsyncOpenAI

        messages = cast("list[ChatCompletionMessageParam]", [message.spoken for message in request.messages])
        async with (
            asyncio.timeout(limit_s),
            AsyncOpenAI(api_key=key, base_url=self._base_url, max_retries=0, timeout=limit_s) as client,
        ):
            response = await client.chat.completions.with_raw_response.create(
                model=self.name, messages=messages, extra_body=parameters
            )
            return response.http_response.text

    def _read(self, body: str) -> Reply | Setback:
        reply = read_completion(body, self.name)
        if isinstance(reply, Reply):
            return reply
        reason = f"it answered with {self._quoted(reply.reason)}"
        if reply.for_good:
            raise ModelRefusedError(f"{self._endpoint}: {reason}. Check base_url: it usually ends in /v1.")
        return Setback(reason)

    def usable_key(self) -> str:
        """Return the key, or a stand-in where none is needed. Raises ModelKeyError."""
        if not self._api_key and not _is_loopback(self._address.hostname or ""):
            raise ModelKeyError(
                f"no key for {self.name} at {self._endpoint}. "
                "Set OPENAI_API_KEY (any text will do for a server of your own that needs none)."
            )
        if not (self._api_key.isascii() and self._api_key.isprintable()):
            raise ModelKeyError(
                "the key in OPENAI_API_KEY holds characters that no key has. Copy it again, whole and on one line."
            )
        return self._api_key or "none"

    def _quoted(self, text: str) -> str:
        """Make an endpoint's words fit for a terminal: one short line, without the key or a secret of the address."""
        for secret in (self._api_key, *secrets_of(self._base_url)):
            text = text.replace(secret, "***") if secret else text
        return one_line(text, QUOTED_CHARS)


def _address(base_url: str, quoted: str) -> SplitResult:
    problem = ConfigError(f"base_url = {quoted!r} is not an http(s) address. Write one like {OPENAI_URL}.")
    try:
        address = urlsplit(base_url)
        usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:  # a port that is no number
        raise problem from None
    if not usable:
        raise problem
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Ask any endpoint that speaks OpenAI's chat completions, through the real SDK, with bounded patience."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import SplitResult, urlsplit

from designer.errors import ConfigError, ModelError, ModelKeyError, ModelRefusedError, ModelUnreachableError
from designer.llm import Reply, Request
from designer.llm.completion import read_completion
from designer.text import one_line

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai.types.chat import ChatCompletionMessageParam

OPENAI_URL = "https://api.openai.com/v1"
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
QUOTED_CHARS = 300
PASSING_STATUSES = (408, 409, 425, 429)
Parameter = str | int | float | bool


class _Setback(NamedTuple):
    """An attempt that failed in a way that may pass. `wait_s`: as the endpoint asked, or None."""

    reason: str
    wait_s: float | None = None


class OpenAICompatible:
    """One model at one endpoint. Implements `LLM`; one instance may be shared by threads.

    A call lasts at most `timeout_s`, whatever the endpoint does; one attempt at most `attempt_timeout_s`, where given.
    Passing troubles (429, 5xx, a lost connection, no answer) are met with up to `max_attempts` attempts. A parameter
    that the endpoint refuses is left out from then on. The key is in no error, no repr and no stored file.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        timeout_s: float = 300.0,
        attempt_timeout_s: float | None = None,
        max_attempts: int = 5,
        parameters: Mapping[str, Parameter] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`parameters` go with each request, by default {"temperature": 1.0}. Raises ConfigError for a bad URL."""
        self.name = model
        self._base_url = base_url
        self._api_key = (api_key or "").strip()
        self._address = _address(base_url, self._quoted(base_url))
        self._timeout_s = timeout_s
        self._attempt_timeout_s = timeout_s if attempt_timeout_s is None else attempt_timeout_s
        self._max_attempts = max_attempts
        self._parameters: dict[str, Parameter] = dict({"temperature": 1.0} if parameters is None else parameters)
        self._sleep = sleep
        self._clock = clock

    def __repr__(self) -> str:
        return f"OpenAICompatible(model={self.name!r}, endpoint={self._endpoint!r})"

    @property
    def _endpoint(self) -> str:
        """The URL without whatever secrets it may carry."""
        port = f":{self._address.port}" if self._address.port else ""
        return f"{self._address.scheme}://{self._address.hostname}{port}{self._address.path}"

    def complete(self, request: Request) -> Reply:
        """Ask until there is an answer. Raises ModelKeyError, ModelRefusedError, ModelUnreachableError."""
        key = self.usable_key()
        deadline = self._clock() + self._timeout_s
        attempts = 0
        while True:
            answer = self._attempt(request, key, deadline)
            if isinstance(answer, Reply):
                return answer
            wait_s = answer.wait_s
            if wait_s is None:
                wait_s = min(FIRST_WAIT_S * 2**attempts, LONGEST_WAIT_S)
            attempts += 1
            if attempts >= self._max_attempts or self._clock() + wait_s >= deadline:
                raise self._unreachable(answer, attempts)
            self._sleep(wait_s)

    # One attempt ----------------------------------------------------------------------------------------------------

    def _attempt(self, request: Request, key: str, deadline: float) -> Reply | _Setback:
        """Ask once, and again for each parameter that is refused."""
        import openai

        while True:
            limit_s = min(self._attempt_timeout_s, max(deadline - self._clock(), 0.001))
            parameters = dict(self._parameters)
            try:
                body = asyncio.run(self._post(request, key, limit_s, parameters))
            except TimeoutError:
                return _Setback(f"no answer within {limit_s:.0f} s")
            except openai.APIStatusError as error:
                if self._left_out(error, parameters):
                    continue
                return self._judged(error)
            except openai.APIConnectionError as error:
                return _Setback(f"no connection: {self._quoted(str(error.__cause__ or error))}")
            return self._read(body)

    async def _post(self, request: Request, key: str, limit_s: float, parameters: dict[str, Parameter]) -> str:
        """Return the answer's body. Asyncio, because its timeout bounds the whole exchange, slow drips included."""
        from openai import AsyncOpenAI

        messages = cast("list[ChatCompletionMessageParam]", [message.model_dump() for message in request.messages])
        async with (
            asyncio.timeout(limit_s),
            AsyncOpenAI(api_key=key, base_url=self._base_url, max_retries=0, timeout=limit_s) as client,
        ):
            response = await client.chat.completions.with_raw_response.create(
                model=self.name, messages=messages, extra_body=parameters
            )
            return response.http_response.text

    def _read(self, body: str) -> Reply | _Setback:
        reply = read_completion(body, self.name)
        if isinstance(reply, Reply):
            return reply
        reason = f"it answered with {self._quoted(reply.reason)}"
        if reply.for_good:
            raise ModelRefusedError(f"{self._endpoint}: {reason}. Check base_url: it usually ends in /v1.")
        return _Setback(reason)

    # What an error means --------------------------------------------------------------------------------------------

    def _left_out(self, error: APIStatusError, sent: Mapping[str, Parameter]) -> bool:
        """Stop sending the parameter that a 400 names; say whether it was one that we sent."""
        named = str(error.param or "").split(".")[0]
        if error.status_code != 400 or named not in sent:
            return False
        self._parameters.pop(named, None)
        return True

    def _judged(self, error: APIStatusError) -> _Setback:
        """Return what may pass; raise the rest."""
        if error.status_code in (401, 403):
            raise ModelKeyError(
                f"{self._endpoint} refused the key for {self.name} (status {error.status_code}). "
                "Check OPENAI_API_KEY, and that its account may use this model."
            ) from None
        said = f"status {error.status_code}: {self._quoted(error.message)}"
        passing = error.status_code in PASSING_STATUSES or error.status_code >= 500
        if not passing or error.code == "insufficient_quota":
            raise ModelRefusedError(f"{self._endpoint} refused the request for {self.name}, {said}") from None
        return _Setback(said, _seconds(error.response.headers.get("retry-after")))

    def _unreachable(self, setback: _Setback, attempts: int) -> ModelError:
        asked = f" It asks to wait {setback.wait_s:.0f} s." if setback.wait_s else ""
        tries = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        return ModelUnreachableError(
            f"{self._endpoint} gave no answer from {self.name} in {tries}; the last: {setback.reason}.{asked}"
        )

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
        """Make an endpoint's words fit for a terminal: one short line, without the key."""
        return one_line(text.replace(self._api_key, "***") if self._api_key else text, QUOTED_CHARS)


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


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header that counts seconds; a date in it is left to the ordinary waits."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None

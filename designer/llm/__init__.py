"""Language models behind one small protocol, and the store that keeps every exchange."""

from __future__ import annotations

from typing import Protocol

from designer.records import Record

CHARS_A_TOKEN = 4


class Message(Record):
    role: str
    content: str


class CallKey(Record):
    """A call's place in a run: the same place is never bought twice."""

    round: int
    role: str
    sample: int
    attempt: int

    def __str__(self) -> str:
        return f"r{self.round:02d}-{self.role}-s{self.sample:02d}-a{self.attempt}"


class Request(Record):
    """One single-choice chat request. `prompt` names the template and the version of the prompts it was made from."""

    key: CallKey
    messages: tuple[Message, ...]
    prompt: str = ""

    @property
    def about_tokens(self) -> int:
        """Return a rough count of the prompt's tokens, for caps and forecasts: four characters are about one."""
        return about_tokens("".join(message.content for message in self.messages))


class Reply(Record):
    """An answer. Token counts are None where the endpoint didn't say (unknown is not zero).

    `finish_reason` is "stop", or "length" where the text was cut off. `cached_tokens` are part of `prompt_tokens`,
    `reasoning_tokens` part of `completion_tokens`.
    """

    text: str
    model: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


def about_tokens(text: str) -> int:
    """Return a rough count of a text's tokens."""
    return -(-len(text) // CHARS_A_TOKEN)


class LLM(Protocol):
    """Answers a request, or raises a ModelError."""

    name: str

    def complete(self, request: Request) -> Reply: ...

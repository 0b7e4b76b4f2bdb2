"""Language models behind one small protocol, and the store that keeps every exchange."""

from __future__ import annotations

from typing import Protocol

from designer.records import Record


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
    """One single-choice chat request."""

    key: CallKey
    messages: tuple[Message, ...]


class Reply(Record):
    """An answer. Token counts are None where the endpoint didn't say (unknown is not zero).

    `finish_reason` is "stop", or "length" where the text was cut off.
    """

    text: str
    model: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class LLM(Protocol):
    """Answers a request, or raises a ModelError."""

    name: str

    def complete(self, request: Request) -> Reply: ...

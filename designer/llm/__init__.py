"""Language models behind one small protocol, and the store that keeps every exchange."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import SerializerFunctionWrapHandler, model_serializer

from designer.records import Record

CHARS_A_TOKEN = 4
IMAGE_TOKENS = 800
"""About what a small picture costs; models count them in ways of their own."""


class Message(Record):
    """`images`: pictures that belong behind the text, as data URIs. Only models that see are sent any."""

    role: str
    content: str
    images: tuple[str, ...] = ()

    @model_serializer(mode="wrap")
    def _plain_without_images(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave `images` out where there are none, so that a text is stored, and hashed, as text alone."""
        fields: dict[str, Any] = serialize(self)
        return fields if self.images else {name: value for name, value in fields.items() if name != "images"}

    @property
    def spoken(self) -> dict[str, Any]:
        """Return the message as OpenAI's chat completions take it: with images, content is a list of parts."""
        if not self.images:
            return {"role": self.role, "content": self.content}
        pictures = [{"type": "image_url", "image_url": {"url": uri}} for uri in self.images]
        return {"role": self.role, "content": [{"type": "text", "text": self.content}, *pictures]}


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
        text = "".join(message.content for message in self.messages)
        return about_tokens(text) + IMAGE_TOKENS * sum(len(message.images) for message in self.messages)

    @property
    def has_images(self) -> bool:
        return any(message.images for message in self.messages)


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

"""Read a chat completion's JSON body, from whichever server wrote it."""

from __future__ import annotations

import json
from typing import NamedTuple

from designer.llm import Reply


class NotACompletion(NamedTuple):
    """Why a body with status 200 is no answer. `for_good`: asking again won't help."""

    reason: str
    for_good: bool


def read_completion(body: str, model: str) -> Reply | NotACompletion:
    """Return the first choice as a reply. A missing or odd token count is None; an empty text stays empty."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        page = "<html" in body[:1000].lower() or "<!doctype" in body[:1000].lower()
        return NotACompletion("a web page instead of JSON" if page else "something that is not JSON", for_good=True)
    message = _at(answer, "choices", 0, "message")
    if not isinstance(message, dict):
        said = _at(answer, "error", "message")
        return NotACompletion(f"an error: {said}" if isinstance(said, str) else "no choice", for_good=False)
    finish_reason, named = _at(answer, "choices", 0, "finish_reason"), _at(answer, "model")
    return Reply(
        text=_encodable(_text(message)),
        model=_encodable(named) if isinstance(named, str) and named else model,
        finish_reason=_finish(finish_reason) if isinstance(finish_reason, str) else "stop",
        prompt_tokens=_count(_at(answer, "usage", "prompt_tokens")),
        completion_tokens=_count(_at(answer, "usage", "completion_tokens")),
        cached_tokens=_count(_at(answer, "usage", "prompt_tokens_details", "cached_tokens")),
        reasoning_tokens=_count(_at(answer, "usage", "completion_tokens_details", "reasoning_tokens")),
    )


def _at(value: object, *path: str | int) -> object:
    """Return what lies at a path of keys and indices, or None where there is nothing."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _text(message: dict[str, object]) -> str:
    """Return a message's text. Content is a string, or a list of typed parts; a refusal has a field of its own."""
    content = message.get("content") or message.get("refusal")
    if isinstance(content, list):
        return "".join(text for part in content if isinstance(text := _at(part, "text"), str))
    return content if isinstance(content, str) else ""


def _finish(reason: str) -> str:
    return "length" if reason in ("length", "max_tokens", "model_length") else _encodable(reason)


def _count(tokens: object) -> int | None:
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None


def _encodable(text: str) -> str:
    """Replace lone surrogates, which JSON can carry and no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")

"""Read a judgement: the JSON object in a reply, whatever stands around it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from designer.candidates import MAX_REPLY_CHARS, clean, json_fields, split_blocks, without_thoughts

Model = TypeVar("Model", bound=BaseModel)


def read_answer(text: str, form: type[Model]) -> Model | None:
    """Return the last JSON object in a reply that has the form, or None. Never raises on any text."""
    if len(text) > MAX_REPLY_CHARS:
        return None
    reply = without_thoughts(clean(text))
    blocks = [block.text for block in split_blocks(reply)[0]]
    bare = reply[reply.find("{") : reply.rfind("}") + 1]
    for candidate in (*reversed(blocks), reply, bare):
        fields = json_fields(candidate)
        if fields is None:
            continue
        try:
            return form.model_validate(fields)
        except ValidationError:
            continue
    return None

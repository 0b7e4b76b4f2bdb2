"""What an endpoint's refusal means: leave a parameter out, wait, or stop. For every client that raises OpenAI's errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from designer.errors import ImagesRefusedError, ModelKeyError, ModelRefusedError
from designer.llm.patience import Setback

if TYPE_CHECKING:
    from openai import APIStatusError

PASSING_STATUSES = (408, 409, 425, 429)
PARAMETER_STATUSES = (400, 422)
FORM_STATUSES = (400, 413, 415, 422)
WORDS_FOR_IMAGES = ("image", "multimodal", "multi-modal", "vision", "mmproj")
"""Servers without eyes say so with any status, 500 included."""


def refused_parameter(error: APIStatusError, sent: Iterable[str]) -> str | None:
    """Return which of the parameters that were sent a 400 or 422 complains about, or None.

    OpenAI names it in `param`; other servers only in their sentence.
    """
    if error.status_code not in PARAMETER_STATUSES:
        return None
    names = list(sent)
    named = str(getattr(error, "param", None) or "").split(".")[0]
    if named:
        return named if named in names else None
    words = set("".join(c if c.isalnum() or c == "_" else " " for c in str(error.message)).split())
    return next((name for name in names if name in words), None)


def judged(error: APIStatusError, whom: str, hint: str, quoted: Callable[[str], str], with_images: bool = False) -> Setback:
    """Return what may pass. Raises ModelKeyError for a refused key, ImagesRefusedError for refused pictures,
    ModelRefusedError for what else stays refused.

    `hint` says where the key comes from; `quoted` makes the endpoint's words fit for a terminal.
    """
    if error.status_code in (401, 403):
        raise ModelKeyError(f"{whom} refused the key (status {error.status_code}). {hint}") from None
    said = f"status {error.status_code}: {quoted(str(error.message))}"
    blind = any(word in str(error.message).lower() for word in WORDS_FOR_IMAGES)
    if with_images and (blind or error.status_code in FORM_STATUSES):
        raise ImagesRefusedError(f"{whom} takes no images, {said}") from None
    passing = error.status_code in PASSING_STATUSES or error.status_code >= 500
    if not passing or getattr(error, "code", None) == "insufficient_quota":
        raise ModelRefusedError(f"{whom} refused the request, {said}") from None
    return Setback(said, _seconds(error.response.headers.get("retry-after")))


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header that counts seconds; a date in it is left to the ordinary waits."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None

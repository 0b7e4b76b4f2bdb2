"""What every record is: frozen, strict, the same after it went through JSON, and known by a hash of its content."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen value that is the same after it went through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @property
    def digest(self) -> str:
        """Return a hash of the content: 12 hex digits."""
        return digest(self.model_dump(mode="json"))


def digest(content: Any) -> str:  # Any: whatever JSON holds
    """Return 12 hex digits that identify a JSON value, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]

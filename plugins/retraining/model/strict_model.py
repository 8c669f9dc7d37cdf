"""The base of everything that people write: what is not known is refused, never ignored."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Refuses unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

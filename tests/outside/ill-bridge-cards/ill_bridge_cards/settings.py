"""Settings of the Cards connector. Every key has a description and an example; a secret is a ``SecretStr``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class CardsSettings(BaseModel):
    """How to reach a Cards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = Field(description="Address of its API.", examples=["https://cards.example.org/api"])
    token: SecretStr = Field(min_length=1, description="Its token.", examples=["a long random secret"])
    read_timeout: float = Field(default=20.0, gt=0, description="Seconds to wait for an answer.", examples=[20.0])
    first_wait: float = Field(default=0.5, ge=0, description="Seconds before the first repeat.", examples=[0.5])

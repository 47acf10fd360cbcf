"""What every table of the configuration file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the configuration file; keys it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

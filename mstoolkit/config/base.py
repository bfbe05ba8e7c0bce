"""What every configuration value is: frozen, and strict about unknown keys."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of the configuration values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

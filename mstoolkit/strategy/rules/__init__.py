"""Reply rules: what servers say, counted, and what follows from it."""

from mstoolkit.strategy.rules.rulebook import Consequence, Rulebook

__all__ = ["Consequence", "Rulebook"]

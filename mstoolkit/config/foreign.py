"""Reply rules of other mail servers, read into ours; what has no meaning here is told, not guessed.

Both servers search the whole line of a reply, so their patterns become a `Match`'s ``line``. Ours
ignore case.
"""

from __future__ import annotations

from mstoolkit.config.foreign_kumomta import read_kumomta
from mstoolkit.config.foreign_powermta import read_powermta
from mstoolkit.config.foreign_reading import Imported, NotUnderstood

__all__ = ["Imported", "NotUnderstood", "read_kumomta", "read_powermta"]

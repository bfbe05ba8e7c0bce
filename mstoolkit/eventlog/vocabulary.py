"""Texts by number, and dictionary-encoded Arrow columns of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mstoolkit.eventlog.observations import Array


class Vocabulary:
    """Values by number. None and the empty text have number -1."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {None: -1, "": -1}

    @property
    def names(self) -> list[Any]:
        """The values in the order of their numbers."""
        return [value for value, number in self._numbers.items() if number >= 0]

    def codes(self, values: Sequence[Any]) -> Array:
        """Return the numbers of values, adding what is new (sorted: sets have no order)."""
        numbers = self._numbers
        if not any(values):
            return np.full(len(values), -1, np.int32)
        for value in sorted(set(values).difference(numbers)):
            numbers[value] = len(numbers) - 2
        return np.fromiter(map(numbers.__getitem__, values), np.int32, len(values))

    def code(self, value: Any) -> int:
        """Return the number of one value."""
        return int(self.codes((value,))[0])


def unique_texts(index: Array, parts: list[pa.Array]) -> pa.Array:
    """Return a dictionary-encoded column of texts that are known to differ; -1 is null."""
    texts = pa.concat_arrays([*parts, pa.array([], pa.string())])
    return encoded(index, texts)


def dictionary(codes: Array, names: Sequence[str | None]) -> pa.Array:
    """Return a dictionary-encoded text column; like names are one entry, None and -1 are null."""
    known: dict[str, int] = {}
    remap = [-1 if n is None else known.setdefault(n, len(known)) for n in names]
    return encoded(np.array([*remap, -1], np.int32)[codes], list(known))


def encoded(index: Array, names: Sequence[str] | pa.Array) -> pa.Array:
    """Return a dictionary-encoded text column of entries that differ; -1 is null."""
    missing = index < 0
    return pa.DictionaryArray.from_arrays(
        pa.array(index.astype(np.int32), mask=missing if missing.any() else None),
        pa.array(names, pa.string()),
        safe=False,
    )

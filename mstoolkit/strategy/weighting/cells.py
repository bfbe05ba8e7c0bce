"""A state for each path, in groups of those that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from mstoolkit.strategy.weighting.base import Weighed

T = TypeVar("T")


class Cells(Generic[T]):
    """States by path; a group is one ISP and stream, in it each server has a cell.

    Parameters
    ----------
    take_down : callable
        Turns a cell into JSON-able values.
    take_up : callable
        Makes a cell of those values.
    """

    def __init__(self, take_down: Callable[[T], Any], take_up: Callable[[Any], T]) -> None:
        self._take_down = take_down
        self._take_up = take_up
        self._groups: dict[tuple[str, str], dict[int, T]] = {}

    def group(self, path: Weighed) -> Mapping[int, T]:
        """Return the cells at a path's ISP and stream, by the number of the server."""
        return self._groups.get((path.isp_name, path.stream), {})

    def put(self, path: Weighed, cell: T) -> T:
        """Give a path this cell, and return it."""
        self._groups.setdefault((path.isp_name, path.stream), {})[path.index] = cell
        return cell

    def snapshot(self) -> dict[str, Any]:
        """Return all cells, in an order that does not depend on when they were made."""
        rows = [
            [isp, stream, index, self._take_down(self._groups[isp, stream][index])]
            for isp, stream in sorted(self._groups)
            for index in sorted(self._groups[isp, stream])
        ]
        return {"paths": rows}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `snapshot` returned."""
        self._groups.clear()
        for isp, stream, index, cell in state["paths"]:
            self._groups.setdefault((isp, stream), {})[int(index)] = self._take_up(cell)

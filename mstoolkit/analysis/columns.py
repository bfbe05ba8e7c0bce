"""Quick access to the log's text columns: category codes instead of strings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def codes(frame: pd.DataFrame, column: str) -> tuple[Ints, list[str]]:
    """Return each row's position among the column's values, and these values.

    Parameters
    ----------
    frame : DataFrame
        An event log or a truth table.
    column : str
        A text column, categorical or not.

    Returns
    -------
    codes : ndarray of int
        Position in `names`; -1 where the value is missing.
    names : list of str
        The values.

    Examples
    --------
    >>> codes(pd.DataFrame({"isp": ["gmail", None, "gmail"]}), "isp")
    (array([ 0, -1,  0]), ['gmail'])
    """
    values: Any = frame[column].array
    if isinstance(values, pd.Categorical):
        return values.codes.astype(np.int64), [str(name) for name in values.categories]
    found, names = pd.factorize(frame[column])
    return found.astype(np.int64), [str(name) for name in names]


def among(frame: pd.DataFrame, column: str, *wanted: str) -> Flags:
    """Return which rows hold one of the wanted values in a text column.

    Parameters
    ----------
    frame : DataFrame
        An event log or a truth table.
    column : str
        A text column.
    *wanted : str
        The values.

    Examples
    --------
    >>> among(pd.DataFrame({"isp": ["gmail", None, "yahoo"]}), "isp", "gmail", "gmx")
    array([ True, False, False])
    """
    found, names = codes(frame, column)
    table = np.array([name in wanted for name in names] + [False], dtype=np.bool_)
    return table[found]


def picked(frame: pd.DataFrame, wanted: str | tuple[str, ...], *columns: str) -> pd.DataFrame:
    """Return some columns of the rows of some events; quicker than taking all columns along.

    Parameters
    ----------
    frame : DataFrame
        An event log.
    wanted : str or tuple of str
        Events.
    *columns : str
        Columns.

    Examples
    --------
    >>> frame = pd.DataFrame({"event": ["sent", "delivered"], "n": [2, 1], "at": [0.0, 1.0]})
    >>> picked(frame, "delivered", "n").values.tolist()
    [[1]]
    """
    names = (wanted,) if isinstance(wanted, str) else wanted
    return frame[list(columns)].iloc[np.flatnonzero(among(frame, "event", *names))]


def floats(frame: pd.DataFrame, column: str) -> Floats:
    """Return a column as floats, missing values as NaN.

    Examples
    --------
    >>> floats(pd.DataFrame({"n": [1, 2]}), "n")
    array([1., 2.])
    """
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)

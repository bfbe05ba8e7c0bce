"""A conformance suite without pytest: what holds, what does not, and why."""

from __future__ import annotations

from typing import NamedTuple


class Law(NamedTuple):
    """One law of a suite, tried.

    Parameters
    ----------
    law : str
        Its name, in words.
    holds : bool
        Whether it held after every past it was tried on.
    found : str
        What broke it; empty where nothing did.
    meaning : str
        What it says.
    """

    law: str
    holds: bool
    found: str
    meaning: str


def examine(suite: object) -> list[Law]:
    """Try all laws of a suite, as pytest would, and go on where one is broken.

    Parameters
    ----------
    suite : object
        An instance of your class derived from `RotationSuite`, `WeigherSuite` or another suite.

    Returns
    -------
    list of Law
        In the order of the suite; ``pandas.DataFrame(examine(...))`` shows them as a table.

    Examples
    --------
    >>> from mstoolkit.strategy.rotation import RoundRobin
    >>> from mstoolkit.testing import RotationSuite
    >>> class Mine(RotationSuite):
    ...     def make(self, servers):
    ...         return RoundRobin()
    >>> all(law.holds for law in examine(Mine()))
    True
    """
    names = dict.fromkeys(
        name
        for kind in reversed(type(suite).__mro__)
        for name in vars(kind)
        if name.startswith("test_")
    )
    return [_tried(suite, name) for name in names]


def _tried(suite: object, name: str) -> Law:
    law = getattr(suite, name)
    words = name.removeprefix("test_").replace("_", " ")
    meaning = (law.__doc__ or "").strip().partition("\n")[0]
    try:
        law()
    except Exception as error:  # a plug-in may break in any way, and the other laws are tried still
        return Law(words, False, f"{type(error).__name__}: {error}", meaning)
    return Law(words, True, "", meaning)

"""The one error a user's file can cause: file, key, what is wrong and what to do about it."""

from __future__ import annotations


class ConfigError(ValueError):
    """A file, a key or an argument cannot be used.

    Parameters
    ----------
    problem : str
        What is wrong, in one sentence.
    file : str, optional
        The file it stands in.
    key : str, optional
        Dotted path of the key, as ``servers.mta-1.weight``.
    remedy : str, optional
        What the user can do.

    Examples
    --------
    >>> print(ConfigError("must not be negative, got -1", file="a.toml", key="servers.m.weight",
    ...                   remedy="use 0 to take the server out"))
    a.toml: servers.m.weight: must not be negative, got -1; use 0 to take the server out
    """

    def __init__(self, problem: str, *, file: str = "", key: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.file = file
        self.key = key
        self.remedy = remedy
        where = "".join(f"{part}: " for part in (file, key) if part)
        super().__init__(f"{where}{problem}{'; ' + remedy if remedy else ''}")

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.problem, self.file, self.key, self.remedy))


def _rebuild(problem: str, file: str, key: str, remedy: str) -> ConfigError:
    return ConfigError(problem, file=file, key=key, remedy=remedy)

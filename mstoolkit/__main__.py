"""``python -m mstoolkit``: the same as the ``mstoolkit`` command."""

from mstoolkit.cli import main

if __name__ == "__main__":
    main()

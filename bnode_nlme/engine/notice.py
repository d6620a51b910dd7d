"""What the package tells its user while it works, as PyMC does: a line on stderr, by logging."""

from __future__ import annotations

import functools
import logging

_LOGGER = logging.getLogger("bnode_nlme")


def _set_up() -> None:
    # Whoever has set logging up decides where lines go; nobody else would see any.
    if not logging.root.handlers and not _LOGGER.handlers:
        _LOGGER.setLevel(logging.INFO)
        _LOGGER.addHandler(logging.StreamHandler())


@functools.cache
def say_once(line: str) -> None:
    """Log a line at level INFO, once in a process."""
    _set_up()
    _LOGGER.info(line)

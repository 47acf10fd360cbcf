"""Files that the configuration and staff name, read no further than such a file may be long, whatever stands under that name."""

from __future__ import annotations

import os
from pathlib import Path

MEGABYTE = 1_000_000
MOST_OF_CONFIGURATION = MEGABYTE
"""Bytes of a configuration, or of the file of a secret."""


class TooLarge(OSError):
    """More than such a file may hold."""


def read_file(path: Path, most: int) -> bytes:
    """All of a file, or of a pipe until its writers have closed it; one that nobody writes into is empty.

    Raises ``OSError``, and ``TooLarge`` where there are more than ``most`` bytes; both say why in ``strerror``.
    """
    with open(path, "rb", opener=_opened) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise TooLarge(0, f"it is larger than {most // MEGABYTE} MB")
    return data


def _opened(path: str, flags: int) -> int:
    """Opened without waiting for somebody who writes into it."""
    handle = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    os.set_blocking(handle, True)
    return handle

"""Files that commands write: whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from bridge.cli.choosing import end_with


@contextmanager
def written(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that takes its name only when it is whole. Ends the command where it cannot be written."""
    if out is None:
        yield sys.stdout
        return
    unfinished = out.with_name(f".{out.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        unfinished.replace(out)
    except OSError as problem:
        end_with(f"{out} cannot be written: {problem.strerror}.", exit_code=1)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)

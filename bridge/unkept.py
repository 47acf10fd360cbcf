"""Messages that were forwarded and that the ledger did not take: each a file, on the disk before the message goes on, until it does."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import structlog

log = structlog.get_logger(__name__)
MOST_IN_MEMORY = 10_000
LARGEST_IN_MEMORY = 64 * 1024 * 1024
ENDING = ".json"
UNFINISHED = ".partial"
"""Ends the name of a file that is being written; one that is older than an hour was cut off, and its message never went on."""
HOUR = 3600.0


@dataclass(frozen=True)
class Unkept:
    """A message as it is to be kept (without security codes), and the peer that sent it."""

    peer: str
    body: str


class UnkeptMessages:
    """Those of one source. Where no folder is named, or none can be written, they are in memory, the oldest lost beyond its limits."""

    def __init__(self, source: str, folder: Path | None) -> None:
        self._source = source
        self._folder = folder
        self._held: deque[Unkept] = deque()
        self._bytes = 0
        self._guard = threading.Lock()
        self._catching_up = threading.Lock()
        self._closed = False
        self._tidied()

    def put(self, message: Unkept) -> bool:
        """Hold a message; answers whether it survives the end of this process."""
        if self._written(message):
            return True
        with self._guard:
            self._held.append(message)
            self._bytes += len(message.body)
            while len(self._held) > MOST_IN_MEMORY or self._bytes > LARGEST_IN_MEMORY:
                self._bytes -= len(self._held.popleft().body)
                log.critical("relay.lost", source=self._source)
        return False

    def catch_up(self, keep: Callable[[Unkept], bool]) -> None:
        """Have each kept, oldest first, until one is not; one caller at a time."""
        if not self._catching_up.acquire(blocking=False):
            return
        try:
            if self._files_kept(keep):
                self._memory_kept(keep)
        finally:
            self._catching_up.release()

    def close(self) -> None:
        """Catch up no more. What is in memory goes to the folder, if it can by now; else it is lost, and said."""
        if self._closed:
            return
        self._closed = True
        self._catching_up.acquire()  # whoever catches up is waited for, and nobody does afterwards
        while self._held:
            if not self._written(self._held.popleft()):
                log.critical("relay.lost", source=self._source)

    def _files_kept(self, keep: Callable[[Unkept], bool]) -> bool:
        for path in self._files():
            try:
                message = Unkept(**json.loads(path.read_text(encoding="utf-8")))
            except FileNotFoundError:
                continue  # another daemon was quicker
            except (OSError, ValueError, TypeError) as odd:
                log.critical("relay.unreadable", source=self._source, path=str(path), why=str(odd))
                with suppress(OSError):
                    path.rename(path.with_suffix(".unreadable"))
                continue
            if not keep(message):
                return False
            path.unlink(missing_ok=True)
            log.info("relay.caught_up", source=self._source)
        return True

    def _memory_kept(self, keep: Callable[[Unkept], bool]) -> None:
        while True:
            with self._guard:
                if not self._held:
                    return
                message = self._held.popleft()
                self._bytes -= len(message.body)
            if not keep(message):
                with self._guard:
                    self._held.appendleft(message)
                    self._bytes += len(message.body)
                return
            log.info("relay.caught_up", source=self._source)

    def _files(self) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(self._folder.glob(f"*{ENDING}"))

    def _tidied(self) -> None:
        """What a crash left half written names patrons, and nobody needs it: whoever sent it had no answer, and sends it again."""
        if self._folder is None or not self._folder.is_dir():
            return
        for path in self._folder.glob(f"*{UNFINISHED}"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > HOUR:
                    path.unlink()

    def _written(self, message: Unkept) -> bool:
        """Whole, on the disk, and readable by the daemon's user alone."""
        if self._folder is None:
            return False
        name = f"{time.time_ns():020}-{uuid4().hex}{ENDING}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = self._folder / f"{name}{UNFINISHED}"
            with os.fdopen(
                os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
            ) as file:
                json.dump(asdict(message), file)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self._folder / name)
            _synced(self._folder)
        except OSError as problem:
            log.critical("relay.not_written", source=self._source, folder=str(self._folder), why=str(problem))
            return False
        return True


def _synced(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

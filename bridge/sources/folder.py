"""A folder that is watched: which files in it are whole, and where they go when they were read."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path

from pydantic import Field

from bridge.domain.finding import Finding, failed, well
from bridge.sources.polled import PolledSettings

UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")
"""Endings of names under which programs write what they will rename."""
OURS = re.compile(r"\.[0-9a-f]{12}(\.rejected)?(\.[^.]*)?$")
"""Names that we gave (``FoundFile.named``)."""
LONGEST_STEM = 200
"""Bytes of a file's name that are kept where it is moved to: most file systems take names of 255, and we add to it."""
MAY = os.R_OK | os.W_OK | os.X_OK


class FolderSettings(PolledSettings):
    """Settings of a watched folder."""

    folder: Path = Field(
        description="The folder that exports are put into; the daemon must be able to read them and to move them.",
        examples=["/var/lib/ill-bridge/exports"],
    )
    patterns: tuple[str, ...] = Field(
        default=("*.csv", "*.tsv", "*.txt", "*.jsonl", "*.ndjson"),
        min_length=1,
        description="Names of files that are read; *.jsonl and *.ndjson are JSON Lines, all others tables with a line of column names.",
        examples=[["ill-*.csv"]],
    )
    done_folder: Path | None = Field(
        default=None,
        description="Where a file goes when all of it is taken; left out: `done` in the folder.",
        examples=["/var/lib/ill-bridge/done"],
    )
    aside_folder: Path | None = Field(
        default=None,
        description="Where files that cannot be read go, and bad rows with their reasons; left out: `set-aside` in the folder.",
        examples=["/var/lib/ill-bridge/set-aside"],
    )
    keep_days: int = Field(
        default=7,
        ge=0,
        description="Days until files in both folders are deleted, since they name patrons; 0: never.",
        examples=[7],
    )
    interval_seconds: float = Field(default=30, gt=0, description="Seconds between looks.", examples=[30])
    settle_seconds: float = Field(
        default=20, ge=0, description="A file is read when it has not changed for so long.", examples=[20]
    )
    marker: str = Field(
        default="",
        description="Ending of an empty file that says that the one beside it is whole (export.csv.done); empty: none is waited for.",
        examples=[".done"],
    )
    max_bytes: int = Field(
        default=50_000_000, ge=1024, description="The largest file that is read, in bytes.", examples=[50000000]
    )

    @property
    def done(self) -> Path:
        """Where taken files go."""
        return self.done_folder or self.folder / "done"

    @property
    def aside(self) -> Path:
        """Where bad rows and unreadable files go."""
        return self.aside_folder or self.folder / "set-aside"


@dataclass(frozen=True)
class FoundFile:
    """A file as it was when it was read. ``digest`` names its content."""

    path: Path
    seen: tuple[int, int, int]
    written_at: datetime
    digest: str = ""

    def named(self, more: str = "", suffix: str = "") -> str:
        """Its name elsewhere: the same content has the same name, so that a second try replaces the first."""
        stem = os.fsdecode(os.fsencode(self.path.stem)[:LONGEST_STEM])
        return f"{stem}.{self.digest[:12]}{more}{suffix or self.path.suffix}"


def _signature(found: os.stat_result) -> tuple[int, int, int]:
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _moment(seconds: float) -> datetime:
    """A file's date, which some file systems take from anybody: where no calendar holds it, the last or first that one does."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC) if seconds > 0 else datetime.min.replace(tzinfo=UTC)


def where(problem: OSError) -> str:
    """The file or folder that could not be used."""
    return str(problem.filename or "the folder")


class Folder:
    """The folder. What is known of files that are still written is kept in this process only."""

    def __init__(self, settings: FolderSettings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self._clock = clock
        self._watched: dict[Path, tuple[tuple[int, int, int], datetime]] = {}

    def candidates(self) -> list[tuple[Path, os.stat_result]]:
        """Files of the names that are read, oldest first."""
        found = []
        with os.scandir(self.settings.folder) as entries:
            for entry in entries:
                if self._wanted(entry.name) and entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        found.append((Path(entry.path), entry.stat(follow_symlinks=False)))
        return sorted(found, key=lambda each: (each[1].st_mtime_ns, each[0].name))

    def _wanted(self, name: str) -> bool:
        plain = name.casefold()
        hidden = plain.startswith((".", "~")) or plain.endswith(UNFINISHED)
        return not hidden and any(fnmatch(plain, pattern.casefold()) for pattern in self.settings.patterns)

    def whole(self) -> list[Path]:
        """Files that nobody writes any more: marked as whole, or unchanged for a while as we saw it (copies may keep an old date)."""
        now = self._clock()
        candidates = self.candidates()
        if self.settings.marker:
            return [path for path, _ in candidates if self._mark(path).exists()]
        before, self._watched = self._watched, {}
        for path, seen in candidates:
            known, since = before.get(path, (None, now))
            self._watched[path] = (_signature(seen), since if known == _signature(seen) else now)
        settled = timedelta(seconds=self.settings.settle_seconds)
        return [path for path, (_, since) in self._watched.items() if now - since >= settled]

    def _mark(self, path: Path) -> Path:
        return path.with_name(path.name + self.settings.marker)

    def opened(self, path: Path) -> tuple[FoundFile | None, bytes]:
        """The file and what is in it; nothing where another daemon was quicker, or where it is no file any more."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None, b""
        with os.fdopen(handle, "rb") as file:
            seen = os.fstat(handle)
            if not stat.S_ISREG(seen.st_mode):
                return None, b""
            data = file.read(self.settings.max_bytes + 1)
        written_at = min(_moment(seen.st_mtime), self._clock())
        return FoundFile(path, _signature(seen), written_at, hashlib.sha256(data).hexdigest()), data

    @staticmethod
    def write(folder: Path, name: str, data: bytes) -> None:
        """Whole or not at all; readable by the daemon's user and group only."""
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        partial = folder / f".{name}.part"
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)

    def move(self, found: FoundFile, folder: Path) -> None:
        """Unless somebody wrote to it meanwhile (then it is read again), or another daemon was quicker."""
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if _signature(found.path.lstat()) == found.seen:
                self._renamed(found.path, folder / found.named())
                if self.settings.marker:
                    self._mark(found.path).unlink(missing_ok=True)
        self._watched.pop(found.path, None)

    def _renamed(self, path: Path, to: Path) -> None:
        try:
            path.replace(to)
        except OSError as problem:
            if problem.errno != errno.EXDEV:  # a folder on another file system
                raise
            self.write(to.parent, to.name, path.read_bytes())
            path.unlink()

    def let_go(self) -> None:
        """Delete what we moved away long ago (and nothing else there); a file's change time is that of its move."""
        if not self.settings.keep_days:
            return
        limit = (self._clock() - timedelta(days=self.settings.keep_days)).timestamp()
        for folder in {self.settings.done, self.settings.aside}:
            with suppress(FileNotFoundError), os.scandir(folder) as entries:
                ours = [each for each in entries if OURS.search(each.name) and each.is_file(follow_symlinks=False)]
                old = [each for each in ours if each.stat().st_ctime < limit]
                for each in old:
                    Path(each.path).unlink(missing_ok=True)


def folder_finding(subject: str, path: Path, parent: Path) -> Finding:
    """How a folder stands; one that is not there yet must be one that we can make."""
    if path.is_dir():
        able = os.access(path, MAY)
        advice = "Give the daemon's user the right to read, write and enter it."
        return well(subject, f"{path} can be used.") if able else failed(subject, f"{path} may not be used.", advice)
    if path.exists():
        return failed(subject, f"{path} is no folder.", "Name a folder.")
    makes = path != parent and os.access(next(each for each in path.parents if each.exists()), MAY)
    if makes:
        return well(subject, f"{path} is made when it is needed.")
    return failed(subject, f"{path} does not exist.", "Make it, and give it to the daemon's user.")

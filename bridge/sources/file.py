"""A watched folder: exports (CSV, JSON Lines) that a service or its staff put there, read row by row and moved away when all is taken."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.finding import CLOCK_LIMIT, Finding, failed, warned, well
from bridge.errors import IlsError, Rejected, Unavailable
from bridge.sources import message
from bridge.sources.folder import Folder, FolderSettings, FoundFile, folder_finding, where
from bridge.sources.mapping import FieldMap, KeyPattern, flat, folded_header, keyed, mapped
from bridge.sources.polled import Page, utc_now
from bridge.sources.sheet import Sheet, SheetRow, UnreadableFile, decoded, read_lines, read_table, written_rows

PAGE = 200
"""Rows taken in one transaction."""
LINES = (".jsonl", ".ndjson", ".jsonlines")
DATED = ("time", "due_date")


class FileSettings(FolderSettings):
    """Settings of a watched folder."""

    encoding: str = Field(
        default="utf-8",
        description="How text is written, where no byte-order mark says it.",
        examples=["cp1252"],
    )
    delimiter: str = Field(
        default="", max_length=1, description="What parts columns; empty: it is seen from their names.", examples=[";"]
    )
    date_formats: tuple[str, ...] = Field(
        default=(),
        description="How time and due_date are written where not as ISO 8601 (strptime); the first that fits is taken.",
        examples=[["%d/%m/%Y %H:%M", "%d/%m/%Y"]],
    )
    fields: FieldMap = Field(
        default_factory=dict,
        description="Our field = column (or path in a JSON line); '=TEXT' is the same text for every row.",
        examples=[{"request.number": "Request ID"}],
    )
    key: KeyPattern = Field(
        default="",
        description="How to make a key for rows that have no id, from our fields in braces; empty: from all that the row says.",
        examples=["{request.number}/{status}/{time}"],
    )
    time_from_file: bool = Field(
        default=False,
        description="Rows without a time are as old as their file; for exports that only say how things stand.",
        examples=[True],
    )
    empty_cells: Literal["nothing", "emptied"] = Field(
        default="nothing", description="What an empty cell says of its field.", examples=["nothing"]
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            found = codecs.lookup(value)
            "a".encode(value)
        except (LookupError, ValueError, TypeError) as unknown:
            raise ValueError(f"'{value}' is no encoding of text that Python knows") from unknown
        return found.name

    @field_validator("date_formats")
    @classmethod
    def _dates(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        day = datetime(2026, 11, 25, tzinfo=UTC)
        for each in value:
            try:
                fits = datetime.strptime(day.strftime(each), each).date() == day.date()  # noqa: DTZ007 - a day
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(f"'{each}' must hold day, month and year, as in %d/%m/%Y")
        return value


def _row_key(row: dict[str, Any], content: str) -> str:
    """Named by all that the row says; where it says no time, it is another piece of news in each file."""
    text = json.dumps(row, ensure_ascii=False, sort_keys=True)
    return "row:" + hashlib.sha256(f"{content}\n{text}".encode("utf-8", errors="backslashreplace")).hexdigest()


def _said(name: str, problem: OSError) -> IlsError:
    if isinstance(problem, PermissionError):
        advice = "Give the daemon's user the right to the folder, done_folder and aside_folder, and to what is in them."
        return Rejected(f"Source {name}: {where(problem)} may not be read, moved or written.", advice=advice)
    return Unavailable(f"Source {name}: {where(problem)} cannot be used ({problem.strerror}).")


class FileSource:
    """One folder. A file is moved only after the ledger has taken all its rows: what a crash leaves in between is read again, and each
    row has a key, so that nothing is taken twice.
    """

    def __init__(
        self, name: str, settings: FileSettings, libraries: AbstractSet[str], *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.name = name
        self.settings = settings
        self._libraries = libraries
        self._folder = Folder(settings, clock)

    def poll(self, cursor: str | None) -> Iterator[Page]:  # noqa: ARG002 - files say by themselves what is new
        """Rows of all files that are whole, oldest file first; the cursor names the newest.

        Raises ``Unavailable`` where the folder cannot be read, ``Rejected`` where a file cannot be moved.
        """
        troubles: list[OSError] = []
        try:
            for path in self._folder.whole():
                yield from self._read(path, troubles)
            self._folder.let_go()
        except OSError as problem:
            troubles.append(problem)
        if troubles:
            raise _said(self.name, troubles[0]) from troubles[0]

    def _read(self, path: Path, troubles: list[OSError]) -> Iterator[Page]:
        """One file; what stands in its way must not keep the others waiting."""
        try:
            found, data = self._folder.opened(path)
            if found is not None:
                yield from self._taken(found, data, f"{found.written_at.isoformat()} {path.name}")
        except OSError as problem:
            troubles.append(problem)

    def close(self) -> None:
        """Nothing is held open."""

    def check(self, clock: Callable[[], datetime], *, limit: timedelta = CLOCK_LIMIT) -> tuple[Finding, ...]:  # noqa: ARG002
        """Whether the folders can be used, and what would become of the newest file; nothing is moved. Never raises ``BridgeError``."""
        settings = self.settings
        named = {"Folder": settings.folder, "Folder of taken files": settings.done, "Folder set aside": settings.aside}
        found = tuple(folder_finding(subject, path, settings.folder) for subject, path in named.items())
        if not found[0].ok:
            return found
        try:
            return (*found, *self._files_checked())
        except OSError as problem:
            return (
                *found,
                failed("Files", f"{where(problem)}: {problem.strerror}.", "See to the rights of the folder."),
            )

    def _files_checked(self) -> Iterator[Finding]:
        candidates = self._folder.candidates()
        if not candidates:
            yield well("Files", "None waits, so none could be tried.")
            return
        path = candidates[-1][0]
        found, data = self._folder.opened(path)
        if found is None:
            return
        try:
            rows = self._sheet(found, data).rows[:PAGE]
        except UnreadableFile as wrong:
            yield failed(
                "Files", f"{path.name} would be set aside. {wrong}", "Correct the export, or encoding and fields."
            )
            return
        odd = [each for each in (self._arrival(row, found) for row in rows) if each.state is not ArrivalState.FOLDED]
        text = f"{len(candidates)} wait; {len(rows) - len(odd)} of the first {len(rows)} rows of {path.name} would be understood."
        advice = "Correct fields, date_formats, words or libraries of this source."
        if not odd:
            yield well("Files", text)
        else:
            level = failed if len(odd) == len(rows) else warned
            yield level("Files", f"{text} One that would not: {odd[0].problem}", advice)

    def _taken(self, found: FoundFile, data: bytes, cursor: str) -> Iterator[Page]:
        """Pages of rows; the code after a ``yield`` runs when the ledger has them."""
        try:
            sheet = self._sheet(found, data)
        except UnreadableFile as wrong:
            yield Page((self._unreadable(found, str(wrong)),), cursor)
            self._folder.move(found, self.settings.aside)
            return
        bad: list[tuple[SheetRow, str]] = []
        for start in range(0, max(len(sheet.rows), 1), PAGE):
            rows = sheet.rows[start : start + PAGE]
            arrivals = [self._arrival(row, found) for row in rows]
            bad += [
                (row, arrival.problem)
                for row, arrival in zip(rows, arrivals, strict=True)
                if arrival.state is ArrivalState.MALFORMED
            ]
            yield Page(tuple(arrivals), cursor)
        self._finish(found, sheet, bad)

    def _sheet(self, found: FoundFile, data: bytes) -> Sheet:
        if len(data) > self.settings.max_bytes:
            raise UnreadableFile(f"It is larger than {self.settings.max_bytes} bytes (max_bytes).")
        text = decoded(data, self.settings.encoding)
        if found.path.suffix.casefold() in LINES:
            return read_lines(text)
        delimiter = self.settings.delimiter or ("\t" if found.path.suffix.casefold() == ".tsv" else "")
        sheet = read_table(text, delimiter)
        columns = {folded_header(name) for name in sheet.columns}
        missing = [
            f"{column} ({field})"
            for field, column in self.settings.fields.items()
            if not column.startswith("=") and folded_header(column) not in columns
        ]
        if missing:
            raise UnreadableFile(f"It has no column {', '.join(missing)}; it has: {', '.join(sheet.columns)}.")
        return sheet

    def _unreadable(self, found: FoundFile, why: str) -> Arrival:
        text = json.dumps({"file": found.path.name}, ensure_ascii=False)
        return Arrival(f"file:{found.digest}", text, state=ArrivalState.MALFORMED, problem=f"{found.path.name}: {why}")

    def _arrival(self, row: SheetRow, found: FoundFile) -> Arrival:
        held = {"file": found.path.name, "line": row.line, "written": found.written_at.isoformat()}
        if row.problem:
            text = json.dumps({**held, "text": row.text}, ensure_ascii=False)
            key = f"line:{found.digest}:{row.line}"
            arrival = Arrival(key, text, state=ArrivalState.MALFORMED, problem=row.problem)
        else:
            arrival = self._understood({**held, "content": found.digest, "row": row.values})
        if arrival.state is ArrivalState.FOLDED:
            return arrival
        if arrival.state is ArrivalState.MALFORMED:
            # not under the digest of all that is noted of it, since that says when the file was seen, too
            arrival = replace(arrival, key=f"line:{found.digest}:{row.line}")
        return replace(arrival, problem=f"{found.path.name}, line {row.line}: {arrival.problem}")

    def _understood(self, held: dict[str, Any]) -> Arrival:
        try:
            text = json.dumps(held, ensure_ascii=False).replace("\x00", "\\x00")
            said = self._said(held)
        except RecursionError:
            return message.too_deep(held["row"])
        return message.read_raw(said, text, self.settings, self._libraries)

    def _said(self, held: dict[str, Any]) -> dict[str, Any]:
        """The row in our fields, with a time and an id where it has none."""
        row, settings = held["row"], self.settings
        is_line = Path(held["file"]).suffix.casefold() in LINES
        if is_line:
            said = dict(mapped(row, settings.fields))
        else:
            said = flat({name: self._cell(value) for name, value in row.items() if self._says(value)}, settings.fields)
        for name in DATED:
            if isinstance(said.get(name), str):
                said[name] = self._dated(said[name])
        content = ""
        if not said.get("time") and settings.time_from_file:
            said["time"], content = held["written"], held["content"]
        if said.get("id") and isinstance(said["id"], str | int):
            return said
        said.pop("id", None)
        return keyed(said, settings.key) if settings.key else {**said, "id": _row_key(row, content)}

    def _says(self, value: object) -> bool:
        return bool(str(value).strip()) or self.settings.empty_cells == "emptied"

    @staticmethod
    def _cell(value: object) -> str | None:
        return str(value).strip() or None

    def _dated(self, value: str) -> str:
        """ISO 8601, where one of the formats fits; else as it is, and the message says what is wrong with it."""
        for each in self.settings.date_formats:
            with suppress(ValueError):
                moment = datetime.strptime(value.strip(), each)  # noqa: DTZ007 - in the source's zone
                timed = any(part in each for part in ("%H", "%I", "%c", "%X"))
                return moment.isoformat() if timed else moment.date().isoformat()
        return value

    def replayed(self, text: str) -> Arrival:
        """A kept row, as it is understood now; never raises."""
        try:
            held = json.loads(text)
            if isinstance(held["row"], dict):
                return self._understood({"written": "", "content": "", "file": "", **held})
        except (ValueError, RecursionError, KeyError, TypeError):
            pass
        return message.read(text.encode(), self.settings, self._libraries)

    def _finish(self, found: FoundFile, sheet: Sheet, bad: Sequence[tuple[SheetRow, str]]) -> None:
        if bad:
            self._folder.write(self.settings.aside, found.named(".rejected"), written_rows(sheet, bad))
        self._folder.move(found, self.settings.done)

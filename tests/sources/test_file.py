"""A watched folder with real files: what is whole, what is taken once, what is set aside, and what a crash leaves."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain.arrival import Arrival, ArrivalState
from bridge.domain.change import UNSET, Phase
from bridge.domain.finding import Level
from bridge.domain.goal import Goal, HoldWish, ItemWish, Wish, goal_for
from bridge.domain.request import Request, fold
from bridge.domain.standing import standings
from bridge.errors import Rejected, Unavailable
from bridge.jobs.poll import PollJob
from bridge.ledger import Ledger, LedgerBusy
from bridge.sources.file import FileSettings, FileSource
from tests.domain.build import POLICY
from tests.sources.messages import LIBRARIES

FIELDS = {
    "request.number": "Request ID",
    "request.requester": "=ABC",
    "role": "Our side",
    "status": "Status",
    "time": "Last changed",
    "due_date": "Due",
    "patron.id": "Borrower",
    "item.title": "Title",
}
HEAD = "request id,OUR  SIDE,Status,Last changed,Due,Borrower,Title\n"
SHIPPED = "77,borrower,Shipped,24/11/2026 10:00,15/12/2026,P1,Zürich\n"
RECEIVED = "77,borrower,Received,25/11/2026 09:30,,P1,Zürich\n"
FORMATS = ["%d/%m/%Y %H:%M", "%d/%m/%Y"]
SHARED = Path("/dev/shm")  # noqa: S108 - for its dates


@dataclass
class Watched:
    """A folder, its source, and the moment."""

    folder: Path
    more: dict[str, Any] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 26, 12, tzinfo=UTC)

    def __post_init__(self) -> None:
        known = {
            "service": "spydus",
            "library": "main",
            "folder": str(self.folder),
            "timezone": "Europe/Berlin",
            "fields": FIELDS,
            "date_formats": FORMATS,
        }
        self.settings = FileSettings.model_validate({**known, **self.more})
        self.source = FileSource("exports", self.settings, LIBRARIES, clock=lambda: self.now)

    def put(self, name: str, content: str | bytes, *, day: datetime | None = None) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        written = (day or self.now).timestamp()
        os.utime(path, (written, written))
        return path

    def poll(self) -> list[Arrival]:
        """Look, wait until files are settled, and look again."""
        first = list(self.source.poll(None))
        self.now += timedelta(seconds=self.settings.settle_seconds)
        return [arrival for page in [*first, *self.source.poll(None)] for arrival in page.arrivals]

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.folder / folder).glob("*"))


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    folder = tmp_path / "exports"
    folder.mkdir()
    return Watched(folder)


def test_an_export_becomes_changes_and_is_moved(watched: Watched) -> None:
    watched.put("ill.csv", HEAD + SHIPPED + RECEIVED)
    shipped, received = (arrival.changes[0] for arrival in watched.poll())
    assert (shipped.request.number, shipped.request.requester, shipped.phase) == ("77", "ABC", Phase.SHIPPED)
    assert shipped.stamp.at == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert shipped.edits.due == date(2026, 12, 15)
    assert shipped.edits.patron_id == "P1"
    assert received.edits.due is UNSET, "an empty cell says nothing"
    assert not (watched.folder / "ill.csv").exists()
    assert len(watched.names("done")) == 1
    assert not watched.names("set-aside")


def test_an_empty_cell_may_empty_its_field(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"empty_cells": "emptied"})
    watched.put("ill.csv", HEAD + RECEIVED)
    (arrival,) = watched.poll()
    assert arrival.changes[0].edits.due is None


def test_a_file_that_still_grows_is_left_alone(watched: Watched) -> None:
    path = watched.put("ill.csv", HEAD)
    assert not list(watched.source.poll(None))
    watched.now += timedelta(minutes=1)
    path.write_text(HEAD + SHIPPED)
    assert not list(watched.source.poll(None)), "it has changed since the last look"
    assert len(watched.poll()) == 1


def test_an_old_date_does_not_make_a_file_whole(watched: Watched) -> None:
    watched.put("ill.csv", HEAD + SHIPPED, day=datetime(2020, 1, 1, tzinfo=UTC))
    assert not list(watched.source.poll(None)), "copies keep the date of what they copy"


@pytest.mark.skipif(not SHARED.is_dir(), reason="no file system here that takes any date")
@pytest.mark.parametrize("seconds", [2**38, -(2**38)])
def test_a_date_that_no_calendar_holds_keeps_no_file_waiting(seconds: int) -> None:
    with TemporaryDirectory(dir=SHARED) as folder:
        watched = Watched(Path(folder))
        far = watched.put("far.csv", HEAD + SHIPPED)
        os.utime(far, (seconds, seconds))
        assert far.stat().st_mtime == seconds
        watched.put("near.csv", HEAD + RECEIVED)
        assert [arrival.state for arrival in watched.poll()] == [ArrivalState.FOLDED] * 2
        assert len(watched.names("done")) == 2


@pytest.mark.parametrize("content", [HEAD + SHIPPED, HEAD + "1,2\n", "x"])
def test_a_name_as_long_as_names_may_be_is_moved_too(watched: Watched, content: str) -> None:
    watched.put("é" * 125 + ".csv", content)
    assert watched.poll()
    assert watched.poll() == []
    assert {"done", "set-aside"} >= set(watched.names(""))


@pytest.mark.parametrize("name", [".ill.csv", "ill.csv.part", "ill.csv.filepart", "~ill.csv", "ill.pdf"])
def test_names_of_unfinished_and_other_files_are_left_alone(watched: Watched, name: str) -> None:
    watched.put(name, HEAD + SHIPPED)
    assert not watched.poll()
    assert (watched.folder / name).exists()


def test_links_are_not_followed(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    secret.write_text(HEAD + SHIPPED)
    (watched.folder / "ill.csv").symlink_to(secret)
    assert not watched.poll()
    assert secret.exists()


def test_a_marker_says_that_a_file_is_whole(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"marker": ".ready"})
    watched.put("ill.csv", HEAD + SHIPPED)
    assert not watched.poll()
    watched.put("ill.csv.ready", "")
    assert len(watched.poll()) == 1
    assert watched.names(".") == ["done"]


def test_a_file_that_was_written_to_meanwhile_stays_and_is_read_again(watched: Watched) -> None:
    path = watched.put("ill.csv", HEAD + SHIPPED)
    list(watched.source.poll(None))
    watched.now += timedelta(minutes=1)
    pages = watched.source.poll(None)
    first = next(pages)
    path.write_text(HEAD + SHIPPED + RECEIVED)
    assert not list(pages)
    assert path.exists()
    again = watched.poll()
    assert [arrival.key for arrival in first.arrivals] == [again[0].key], "the first row is recognised"
    assert len(again) == 2


def test_bad_rows_are_set_aside_with_reasons_and_the_others_taken(watched: Watched) -> None:
    watched.put("ill.csv", HEAD + "78,borrower\n" + SHIPPED + "79,borrower,Shipped,yesterday,,,\n" + "80,nobody,,,,,\n")
    found = watched.poll()
    assert [arrival.state for arrival in found] == [
        ArrivalState.MALFORMED,
        ArrivalState.FOLDED,
        ArrivalState.MALFORMED,
        ArrivalState.MALFORMED,
    ]
    assert found[0].problem == "ill.csv, line 2: it has 2 cells, and there are 7 columns"
    assert "line 4: time" in found[2].problem
    (aside,) = watched.names("set-aside")
    text = (watched.folder / "set-aside" / aside).read_text(encoding="utf-8-sig")
    assert text.splitlines()[0].endswith(",Title,reason")
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["78", "79", "80"]


def test_a_corrected_row_can_be_put_back(watched: Watched) -> None:
    watched.put("ill.csv", HEAD + "79,borrower,Shipped,yesterday,,,\n")
    watched.poll()
    (aside,) = watched.names("set-aside")
    corrected = (watched.folder / "set-aside" / aside).read_bytes().replace(b"yesterday", b"24/11/2026")
    watched.put("corrected.csv", corrected)
    (arrival,) = watched.poll()
    assert arrival.changes[0].stamp.at == datetime(2026, 11, 23, 23, tzinfo=UTC)


def test_an_unknown_word_is_kept_for_a_replay(watched: Watched) -> None:
    watched.put("ill.csv", HEAD + SHIPPED.replace("Shipped", "Dispatched"))
    (arrival,) = watched.poll()
    assert arrival.state is ArrivalState.UNKNOWN_WORD
    assert not watched.names("set-aside"), "a table of words is corrected in the configuration, not in the file"
    words = {"words": {"Dispatched": {"phase": "shipped"}}}
    again = Watched(watched.folder, words).source.replayed(arrival.body)
    assert again.changes[0].phase is Phase.SHIPPED
    assert again.key == arrival.key


def test_what_is_no_row_of_ours_replays_as_malformed(watched: Watched) -> None:
    for text in ("nonsense", "[1]", '{"row": 1}', '{"file": "ill.csv", "line": 2, "text": "78"}'):
        assert watched.source.replayed(text).state is ArrivalState.MALFORMED


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("ill.csv", "Number,Status\n1,Shipped\n", "It has no column Request ID"),
        ("ill.csv", "", "empty"),
        ("ill.csv", (HEAD + SHIPPED).encode("utf-16-le"), "set encoding"),
        ("ill.csv", HEAD + SHIPPED * 100, "larger than 1024 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_set_aside_whole(
    tmp_path: Path, name: str, content: str | bytes, why: str
) -> None:
    watched = Watched(tmp_path, {"max_bytes": 1024})
    watched.put("before.csv", HEAD + SHIPPED, day=datetime(2026, 1, 1, tzinfo=UTC))
    watched.put(name, content)
    taken, odd = watched.poll()
    assert taken.state is ArrivalState.FOLDED
    assert odd.state is ArrivalState.MALFORMED
    assert why in odd.problem
    assert odd.problem.startswith("ill.csv: ")
    assert len(watched.names("set-aside")) == len(watched.names("done")) == 1


def test_lines_of_json_are_read_by_paths(tmp_path: Path) -> None:
    fields = {"request.number": "id.number", "role": "=lender", "status": "state", "time": "at"}
    watched = Watched(tmp_path, {"fields": fields})
    row = {"id": {"number": 12}, "state": "Received", "at": "2026-11-25T10:00:00+01:00"}
    watched.put("ill.jsonl", json.dumps(row) + "\nnonsense\n" + "[" * 20 + "\n")
    taken, nonsense, other = watched.poll()
    assert taken.changes[0].request.number == "12"
    assert nonsense.state is other.state is ArrivalState.MALFORMED
    assert watched.names("set-aside")[0].endswith(".rejected.jsonl")


def test_our_own_fields_need_no_map(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"fields": {}, "date_formats": []})
    watched.put("ill.csv", "id,request.number,role,status,time\ne9,5,lender,Shipped,2026-11-25T10:00:00Z\n")
    (arrival,) = watched.poll()
    assert arrival.key == "e9"
    assert arrival.changes[0].request.number == "5"


def test_a_key_is_made_as_configured(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"key": "{request.number}/{status}"})
    watched.put("ill.csv", HEAD + SHIPPED)
    assert watched.poll()[0].key == "77/Shipped"


def test_rows_without_a_time_are_as_old_as_their_file(tmp_path: Path) -> None:
    fields = {name: column for name, column in FIELDS.items() if name != "time"}
    watched = Watched(tmp_path, {"fields": fields, "time_from_file": True})
    shipped, returned = (HEAD + line.replace("24/11/2026 10:00", "") for line in (SHIPPED, RECEIVED))
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in (20, 21, 22)]
    for day, text in zip(days, (shipped, returned, shipped), strict=True):
        watched.put(f"{day:%d}.csv", text, day=day)
    watched.put("23.csv", HEAD + SHIPPED.replace("77", "78"), day=watched.now + timedelta(days=400))
    *found, future = watched.poll()
    assert [arrival.changes[0].stamp.at for arrival in found] == days
    assert len({arrival.key for arrival in found}) == 2, "the same content is the same file, whenever it comes"
    assert future.changes[0].stamp.at <= watched.now


def test_the_same_file_twice_changes_nothing(watched: Watched, ledger: Ledger) -> None:
    for name in ("ill.csv", "again.csv"):
        watched.put(name, HEAD + SHIPPED)
        looked(watched, ledger)
    (request,) = ledger.requests.list()
    assert len(ledger.requests.history(request.id)) == 1
    assert len(watched.names("done")) == 2


def looked(watched: Watched, ledger: Ledger) -> None:
    """Two polls, a minute apart."""
    job = PollJob("exports", watched.source, ledger, lambda _: "alma", taken=lambda: None)
    job.run()
    watched.now += timedelta(minutes=1)
    job.run()


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=1)], ids=["", "by a server whose clock is ahead"])
def test_a_crash_between_taking_and_moving_repeats_nothing(watched: Watched, ledger: Ledger, ahead: timedelta) -> None:
    broken = "79,borrower,Shipped,yesterday,,,\n"
    watched.put("ill.csv", HEAD + SHIPPED + broken + RECEIVED, day=watched.now + ahead)
    list(watched.source.poll(None))
    watched.now += timedelta(minutes=1)
    pages = watched.source.poll(None)
    page = next(pages)
    ledger.inbox.take("exports", page.arrivals, lambda _: "alma", cursor=page.cursor)
    pages.close()  # type: ignore[attr-defined] # the daemon is killed here: taken, and not moved
    assert watched.names(".") == ["ill.csv"]
    reborn = Watched(watched.folder, now=watched.now)
    looked(reborn, ledger)
    (request,) = ledger.requests.list()
    assert len(ledger.requests.history(request.id)) == 2
    assert len(ledger.inbox.kept()) == 1
    assert watched.names(".") == ["done", "set-aside"]
    assert ledger.inbox.cursor("exports").endswith(" ill.csv")  # type: ignore[union-attr]


def test_a_ledger_that_refuses_leaves_the_file(watched: Watched) -> None:
    watched.put("ill.csv", HEAD + SHIPPED)
    list(watched.source.poll(None))
    watched.now += timedelta(minutes=1)
    pages = watched.source.poll(None)
    next(pages)
    with pytest.raises(LedgerBusy):
        pages.throw(LedgerBusy("full"))  # type: ignore[attr-defined]
    assert watched.names(".") == ["ill.csv"]


def test_large_exports_are_taken_in_pages(watched: Watched) -> None:
    rows = [SHIPPED.replace("77", str(number)) for number in range(450)]
    watched.put("ill.csv", HEAD + "".join(rows))
    list(watched.source.poll(None))
    watched.now += timedelta(minutes=1)
    assert [len(page.arrivals) for page in watched.source.poll(None)] == [200, 200, 50]


def test_files_of_another_daemon_are_no_trouble(watched: Watched) -> None:
    path = watched.put("ill.csv", HEAD + SHIPPED)
    other = watched.put("other.csv", HEAD + RECEIVED)
    list(watched.source.poll(None))
    watched.now += timedelta(minutes=1)
    pages = watched.source.poll(None)
    next(pages)
    path.unlink()
    other.unlink()
    assert not list(pages)


def test_old_files_are_deleted_and_only_ours(watched: Watched) -> None:
    watched.put("ill.csv", HEAD + SHIPPED + "bad\n")
    watched.poll()
    (watched.folder / "done" / "archive.csv").write_text("somebody else's")
    watched.now = datetime.now(UTC) + timedelta(days=6)
    watched.poll()
    assert len(watched.names("done")) == 2
    watched.now = datetime.now(UTC) + timedelta(days=8)
    watched.poll()
    assert watched.names("done") == ["archive.csv"]
    assert not watched.names("set-aside")


def test_files_may_be_kept_for_ever(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"keep_days": 0})
    watched.put("ill.csv", HEAD + SHIPPED)
    watched.poll()
    watched.now = datetime.now(UTC) + timedelta(days=5000)
    watched.poll()
    assert len(watched.names("done")) == 1


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "gone")
    with pytest.raises(Unavailable, match="gone cannot be used"):
        list(watched.source.poll(None))
    assert watched.source.check(lambda: watched.now)[0].level is Level.FAILED


def test_one_file_that_cannot_be_moved_keeps_no_other_waiting(watched: Watched) -> None:
    """A folder in the place of the taken file stands for everything that makes a move fail."""
    watched.put("a.csv", HEAD + SHIPPED)
    watched.put("b.csv", HEAD + RECEIVED)
    source = watched.source
    list(source.poll(None))
    watched.now += timedelta(minutes=1)
    pages = source.poll(None)
    first = next(pages)
    blocked = watched.folder / "done"
    blocked.write_text("no folder")
    second = next(pages)
    assert [page.arrivals[0].changes[0].phase for page in (first, second)] == [Phase.SHIPPED, Phase.RECEIVED]
    with pytest.raises(Unavailable, match="done cannot be used"):
        next(pages)
    assert watched.names(".") == ["a.csv", "b.csv", "done"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_a_folder_without_rights_is_told(watched: Watched) -> None:
    watched.put("a.csv", HEAD + SHIPPED)
    watched.folder.chmod(0o500)
    try:
        with pytest.raises(Rejected, match="may not be read, moved or written"):
            watched.poll()
    finally:
        watched.folder.chmod(0o700)


def test_a_permission_error_names_the_remedy(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.put("a.csv", HEAD + SHIPPED)

    def refuse(path: str, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("bridge.sources.folder.os.open", refuse)
    with pytest.raises(Rejected, match=r"a\.csv may not be read, moved or written\. Give the daemon's user the right"):
        watched.poll()


def test_another_file_system_takes_a_copy(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.replace

    def apart(self: Path, target: Path) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(18, "Invalid cross-device link", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", apart)
    watched.put("a.csv", HEAD + SHIPPED)
    watched.poll()
    (taken,) = watched.names("done")
    assert (watched.folder / "done" / taken).read_text() == HEAD + SHIPPED
    assert not (watched.folder / "a.csv").exists()


def test_check_says_what_would_become_of_the_newest_file(watched: Watched) -> None:
    def said() -> list[tuple[str, Level]]:
        return [(finding.text, finding.level) for finding in watched.source.check(lambda: watched.now)]

    assert [level for _, level in said()] == [Level.OK] * 4
    assert said()[3][0] == "None waits, so none could be tried."
    path = watched.put("a.csv", HEAD + SHIPPED)
    assert said()[3][0] == "1 wait; 1 of the first 1 rows of a.csv would be understood."
    path.write_text(HEAD + SHIPPED + "bad\n")
    assert said()[3][1] is Level.WARNING
    path.write_text(HEAD + "bad\n")
    assert said()[3][1] is Level.FAILED
    path.write_text("Number\n")
    assert "would be set aside" in said()[3][0]
    assert watched.names(".") == ["a.csv"], "nothing is moved"


def test_check_tells_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "done").write_text("no folder")
    findings = Watched(tmp_path).source.check(lambda: datetime.now(UTC))
    assert "is no folder" in findings[1].text


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"encoding": "klingon"}, "no encoding"),
        ({"encoding": "base64"}, "no encoding"),
        ({"date_formats": ["%H:%M"]}, "must hold day, month and year"),
        ({"date_formats": ["%d/%m"]}, "must hold day, month and year"),
        ({"fields": {"nonsense": "x"}}, "there is no field nonsense"),
        ({"patterns": []}, "at least 1"),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, more: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Watched(tmp_path, more)


class TestSpydus:
    """*Request complete* is said when the item arrives (Spydus's help, "Workflow for ILL requests"): it must never clean up."""

    def goal(self, watched: Watched, *words: str, more: str = "") -> Goal:
        hours = itertools.count(8)
        rows = [f"77,borrower,{word},24/11/2026 {next(hours):02}:00,{more},P1,Title\n" for word in words]
        watched.put("spydus.csv", HEAD + "".join(rows))
        request = None
        for arrival in watched.poll():
            for change in arrival.changes:
                request = fold(request or Request(change.request), change)
        assert request is not None
        return goal_for(request, POLICY)

    @pytest.fixture
    def watched(self, tmp_path: Path) -> Watched:
        return Watched(tmp_path, {"system": "spydus"})

    @pytest.mark.parametrize("word", ["Request Complete", "complete", "COMPLETED"])
    def test_complete_means_that_the_item_is_here(self, watched: Watched, word: str) -> None:
        (item,) = self.goal(watched, "Pending review", "In Process", word).items
        assert isinstance(item.item, ItemWish)
        assert isinstance(item.hold, HoldWish)

    def test_it_goes_when_it_is_returned(self, watched: Watched) -> None:
        (item,) = self.goal(watched, "Request Complete", "Returned").items
        assert item.item is Wish.ABSENT

    def test_a_renewed_date_may_come_after_the_status(self, watched: Watched) -> None:
        watched.put("first.csv", HEAD + "77,borrower,Request Complete,24/11/2026 08:00,01/12/2026,P1,Title\n")
        watched.put("second.csv", HEAD + "77,borrower,Request Complete,25/11/2026 08:00,15/12/2026,P1,Title\n")
        request = None
        for arrival in watched.poll():
            request = fold(request or Request(arrival.changes[0].request), arrival.changes[0])
        assert request is not None
        assert standings(request)[-1].due == date(2026, 12, 15)

    def test_what_it_means_for_a_lender_is_not_guessed(self, watched: Watched) -> None:
        watched.put("ill.csv", HEAD + SHIPPED.replace("borrower,Shipped", "lender,Completed"))
        (arrival,) = watched.poll()
        assert arrival.state is ArrivalState.UNKNOWN_WORD
        own = Watched(watched.folder, {"system": "spydus", "words": {"completed": {"phase": "completed"}}})
        assert own.source.replayed(arrival.body).changes[0].phase is Phase.COMPLETED

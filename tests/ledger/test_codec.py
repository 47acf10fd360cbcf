"""What goes into the ledger as JSON comes out as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.domain.commands import Command
from bridge.domain.plan import Step, StepKey, verb_of
from bridge.domain.record import PatronRecord, Record
from bridge.domain.request import Request, fold
from bridge.ledger import StepState, codec
from tests.domain.build import BORROWER
from tests.domain.strategies import changes_of
from tests.ledger.sample import NOW, STEP

st.register_type_strategy(Decimal, st.decimals(0, 1000, places=2))
st.register_type_strategy(datetime, st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants the bounds without a zone
st.register_type_strategy(str, st.text(max_size=8))
KINDS = get_args(Command)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=8)
def test_a_step_of_any_verb(kind: type, data: st.DataObject) -> None:
    command = data.draw(
        st.builds(kind, **{name: st.from_type(kind_of) for name, kind_of in get_type_hints(kind).items()})
    )
    step = Step(StepKey("leg", "volume", verb_of(kind), 3), command, noted=data.draw(st.booleans()))
    text = codec.step_text(step, StepState.UNKNOWN.value, since=NOW)
    assert codec.step_from(text) == (step, "unknown", NOW)
    assert codec.step_from(codec.step_text(step, StepState.UNKNOWN.value)) == (step, "unknown", None)


@given(record=st.from_type(Record))
@settings(max_examples=25)
def test_a_record(record: Record) -> None:
    text = codec.record_text(record)
    codec.forget()
    assert codec.record_from(text) == record


@given(changes=changes_of(BORROWER))
@settings(max_examples=60)
def test_a_request(changes: list[object]) -> None:
    request = reduce(fold, changes, Request(BORROWER))  # type: ignore[arg-type]
    text = codec.request_text(request)
    codec.forget()
    assert codec.request_from(text) == request


def test_what_an_older_release_did_not_write_takes_its_default() -> None:
    assert codec.record_from("{}") == Record()


def test_what_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        codec.request_from("{}")
    with pytest.raises(ValidationError):
        codec.record_from('{"patron": 3}')


def test_no_sign_in_it_that_a_database_cannot_hold() -> None:
    step = Step(STEP.key, STEP.command, noted=True)
    assert "\x00" not in codec.step_text(step, "done\x00")
    assert json.loads(codec.command_text(STEP.command))["account"] == "A"


class TestMemory:
    def test_what_was_just_written_is_not_read_anew(self) -> None:
        record = Record(patron=PatronRecord("p", "id"))
        assert codec.record_from(codec.record_text(record)) is record

    def test_what_was_read_is_not_read_again_until_it_is_forgotten(self) -> None:
        text = codec.record_text(Record(patron=PatronRecord("p", "id")))
        codec.forget()
        read = codec.record_from(text)
        assert codec.record_from(text) is read
        codec.forget()
        assert codec.record_from(text) is not read

    def test_the_oldest_goes_first(self) -> None:
        memory = codec.Remembered[str](2)
        for text in ("a", "b", "c"):
            assert memory.keep(text, text.upper()) == text.upper()
        assert [memory.found(text) for text in ("a", "b", "c")] == [None, "B", "C"]

    def test_what_cannot_be_read_is_not_remembered(self) -> None:
        for _ in range(2):
            with pytest.raises(ValidationError):
                codec.request_from("{")

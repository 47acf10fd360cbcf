"""Presets: a library begins with a product's steps, and what is written goes before them."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.domain.policy import BarcodeFrom, BorrowingPolicy, LendingPolicy
from bridge.errors import ConfigurationError
from bridge.settings.presets import PRESETS, Preset
from tests.checks.build import known


def library(**table: Any) -> Any:
    return known(libraries__main={"ils": "alma", **table}).settings.libraries["main"]


def test_tipasas_steps_and_nothing_that_it_has_no_option_for() -> None:
    made = library(preset="tipasa")
    assert made.borrowing == BorrowingPolicy(declare_lost=False)
    assert made.lending == LendingPolicy(declare_lost=False, renew=False)


def test_what_is_written_goes_before_it() -> None:
    made = library(preset="tipasa", borrowing={"barcode_from": "supplier", "item_type": "ILL"}, lending={"renew": True})
    assert (made.borrowing.barcode_from, made.borrowing.item_type) == (BarcodeFrom.SUPPLIER, "ILL")
    assert (made.borrowing.declare_lost, made.lending.renew, made.lending.declare_lost) == (False, True, False)


def test_without_one_the_defaults_stand() -> None:
    assert library().borrowing == BorrowingPolicy()


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"preset": "relais"}, "preset"),
        ({"preset": "tipasa", "borrowing": "all"}, "borrowing"),
        ({"preset": "tipasa", "lending": {"renews": True}}, "renews"),
    ],
)
def test_what_makes_no_sense_is_told(table: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        library(**table)


def test_every_preset_names_what_there_is() -> None:
    for preset in Preset:
        assert set(PRESETS[preset]) <= {"borrowing", "lending"}

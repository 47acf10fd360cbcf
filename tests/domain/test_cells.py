"""Text in a spreadsheet: no formula, and the same again when it comes back."""

from __future__ import annotations

import pytest

from bridge.domain.cells import cell, text_of


@pytest.mark.parametrize("text", ["=1+1", "+cmd|x", "-2+3", "@SUM(1)", "\t=1", "\r=1", "-", "+46 70", "-inf"])
def test_what_a_spreadsheet_would_reckon_stands_behind_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert text_of(cell(text)) == text


@pytest.mark.parametrize("text", ["", "Title", "-5", "+46701234567", "-1.234,5", "'s Gravenhage", "a=b", "'"])
def test_numbers_and_all_else_stay_as_they_are(text: str) -> None:
    assert cell(text) == text
    assert text_of(text) == text

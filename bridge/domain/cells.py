"""Text as the cell of a table that people open in a spreadsheet. Pure."""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Signs with which a spreadsheet takes text for a formula, or that it leaves out before one (owasp.org, CSV Injection)."""
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")


def cell(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula: behind an apostrophe where it might; a number stays one."""
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def text_of(written: str) -> str:
    """What `cell` was given, of what it made."""
    return written[1:] if written.startswith("'") and cell(written[1:]) == written else written

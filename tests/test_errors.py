"""What an ILS makes endlessly long is cut: it stands in lists, mails and histories."""

from __future__ import annotations

from bridge.errors import LONGEST_CODE, LONGEST_REASON, Rejected


def test_a_reason_and_a_code_without_end_are_cut() -> None:
    problem = Rejected("9" * 5000, code="8" * 5000)
    assert problem.reason == "9" * LONGEST_REASON + " …"
    assert str(problem) == problem.reason
    assert problem.code == "8" * LONGEST_CODE + " …"


def test_others_stand_as_they_are() -> None:
    problem = Rejected("Unknown.", advice="Correct it.", code="401861")
    assert (str(problem), problem.code) == ("Unknown. Correct it.", "401861")

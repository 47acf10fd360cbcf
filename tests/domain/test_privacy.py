"""What of a request tells who reads what, and the request without it: later news folds on as if nothing had been taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import commands as do
from bridge.domain.change import Change, Closure, Condition, Phase
from bridge.domain.commands import Verb
from bridge.domain.identity import Role, mark_for
from bridge.domain.plan import Step, StepKey
from bridge.domain.privacy import (
    HIDDEN,
    PERSONAL,
    Redaction,
    patrons_of,
    record_without_person,
    redaction_of,
    step_without_person,
    titles_of,
    unsettled,
    without_person,
)
from bridge.domain.record import HoldRecord, HoldState, ItemRecord, LoanRecord, PatronRecord, Record
from bridge.domain.request import Request, fold
from bridge.domain.standing import correct, standings
from tests.domain.build import BORROWER, LENDER, borrowed, change, folded
from tests.domain.strategies import changes_of

ITEM = ItemRecord(
    "",
    "",
    holds=(HoldRecord("h1", "id-p1", "MAIN", HoldState.SATISFIED),),
    loans=(LoanRecord("l1", "id-p1", date(2027, 1, 1), ended=True),),
    checked_in=True,
)
RECORD = Record(PatronRecord("p1", "id-p1"), (ITEM,), ("done",))
TARGET = do.Target(mark_for("test", BORROWER, "", ""), do.Origin.CREATED, "ILL-1")


class TestSettled:
    def test_a_loan_that_came_to_its_end_is(self) -> None:
        assert unsettled(folded(borrowed(), change(1, Phase.RECEIVED), change(2, Phase.COMPLETED))) == ""

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ([change(1, Phase.COMPLETED, raised=(Condition.FEE_COMMUNICATED,))], "a fee is open"),
            ([change(1, Phase.COMPLETED, raised=(Condition.FEE_COMMUNICATED, Condition.FEE_PAID))], ""),
            ([change(1, Phase.RECEIVED, raised=(Condition.LOST,))], "the item is lost and not paid for"),
            ([change(1, Phase.RECEIVED, raised=(Condition.LOST,)), change(2, raised=(Condition.FOUND,))], ""),
            ([change(1, Phase.RECEIVED, raised=(Condition.LOST,)), change(2, raised=(Condition.FEE_PAID,))], ""),
            ([change(1, Phase.COMPLETED, raised=(Condition.LOST,), closure=Closure.LOST_PAID)], ""),
            ([change(1, Phase.COMPLETED, closure=Closure.WITHOUT_RETURN)], "the item is lost and not paid for"),
            ([change(1, Phase.CANCELLED, raised=(Condition.FEE_COMMUNICATED,))], ""),
            (
                [change(1, Phase.SHIPPED), change(2, Phase.CANCELLED, raised=(Condition.FEE_COMMUNICATED,))],
                "a fee is open",
            ),
            (
                [
                    change(1, Phase.UNFILLED, leg="A", raised=(Condition.FEE_COMMUNICATED,)),
                    change(2, Phase.COMPLETED, leg="B"),
                ],
                "",
            ),
        ],
    )
    def test_what_is_owed_is_not(self, changes: list[Change], why: str) -> None:
        assert unsettled(folded(borrowed(), *changes)) == why

    def test_a_step_of_unknown_end_is_not(self) -> None:
        assert unsettled(folded(borrowed()), pending=True) == "how its last step ended is not known"


class TestWithoutPerson:
    def test_patron_and_title_are_gone_and_all_else_stays(self) -> None:
        whole = folded(borrowed(author="A. Uthor", isbn="9780", call_number="QA 1"), change(1, Phase.COMPLETED))
        (before,) = standings(whole)
        (after,) = standings(without_person(whole))
        assert before == replace(after, **{name: getattr(before, name) for name in PERSONAL})
        assert [getattr(after, name) for name in PERSONAL] == [""] * len(PERSONAL)

    def test_a_correction_of_the_patron_is_gone_too(self) -> None:
        corrected = correct(correct(folded(borrowed()), "patron_id", "p9"), "pickup_location", "BRANCH")
        assert patrons_of(corrected, Record()) == {"p1", "p9"}
        assert [each.name for each in without_person(corrected).corrections] == ["pickup_location"]

    def test_the_same_news_once_more_brings_nothing_back(self) -> None:
        for title in ("T", "'tis", '"', "", "zzz"):
            news = borrowed(title=title)
            empty = without_person(folded(news))
            assert fold(empty, news) == empty

    def test_later_news_brings_its_patron(self) -> None:
        (stand,) = standings(fold(without_person(folded(borrowed())), change(5, patron_id="p2")))
        assert (stand.patron_id, stand.title) == ("p2", "")

    @given(st.data())
    def test_later_news_folds_on_as_if_nothing_had_been_taken(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from([BORROWER, LENDER]))
        before, after = data.draw(changes_of(key)), data.draw(changes_of(key))
        whole = folded(*before, onto=Request(key))
        onto = without_person(whole)
        assert without_person(onto) == onto
        one, other = folded(*after, onto=whole), folded(*after, onto=onto)
        assert without_person(one) == without_person(other)
        told = {change.edits.patron_id for change in after}
        assert patrons_of(other, Record()) <= told, "nothing but the news names a patron"


class TestRecord:
    def test_of_a_borrowing_only_what_latched_and_the_ils_own_ids_stay(self) -> None:
        without = record_without_person(RECORD, Role.BORROWER)
        (item,) = without.items
        assert (without.patron, without.confirmed) == (None, ("done",))
        assert item.holds == (HoldRecord("h1", "", "MAIN", HoldState.SATISFIED),)
        assert item.loans == (LoanRecord("l1", "", date(2027, 1, 1), ended=True),)
        assert replace(item, holds=ITEM.holds, loans=ITEM.loans) == ITEM

    def test_the_accounts_of_a_lender_are_libraries(self) -> None:
        assert record_without_person(RECORD, Role.LENDER).items == (ITEM,)
        lender = folded(change(0, Phase.SHIPPED, key=LENDER, patron_id="p7"))
        assert patrons_of(lender, RECORD) == {"p7", "p1", "id-p1"}
        assert patrons_of(lender, replace(RECORD, patron=None)) == {"p7"}

    def test_a_step_keeps_what_it_needs_to_be_looked_up(self) -> None:
        key = StepKey("", "", Verb.PLACE_HOLD, 0)
        hold = Step(key, do.PlaceHold(TARGET, "id-p1", "MAIN", note="for Jane"))
        assert step_without_person(hold, Role.BORROWER) == Step(key, do.PlaceHold(TARGET, "", "MAIN"))
        assert step_without_person(hold, Role.LENDER) == Step(key, do.PlaceHold(TARGET, "id-p1", "MAIN"))
        made = Step(key, do.CreateTemporaryItem(TARGET, do.Description("T"), "ILL", public_note="for Jane"))
        assert step_without_person(made, Role.BORROWER) == Step(
            key, do.CreateTemporaryItem(TARGET, do.Description(), "ILL")
        )
        assert step_without_person(Step(key, do.FindPatron("p1")), Role.BORROWER).command == do.FindPatron("")


class TestRedaction:
    def test_whole_words_in_any_case_the_longest_first(self) -> None:
        hide = Redaction.of({"p1", "p1-x"}, {"Dune", "It"})
        assert hide.text("P1-X and p1, not p12: DUNE, it") == f"{HIDDEN} and {HIDDEN}, not p12: {HIDDEN}, it"
        assert Redaction.of({""}).text("as it is") == "as it is"

    def test_lines_lose_notes_and_an_ils_own_words(self) -> None:
        hide = Redaction.of(())
        assert hide.line("Tried again by anna. Note: Mrs Smith\nphoned") == f"Tried again by anna. Note: {HIDDEN}"
        refused = "Place hold did not succeed: Alma refuses. Alma says: Jane Doe (x) owes (code 401) [tracking id 7]"
        assert hide.line(refused) == (
            f"Place hold did not succeed: Alma refuses. Alma says: {HIDDEN} (code 401) [tracking id 7]"
        )
        assert hide.line("Alma says: Jane Doe") == f"Alma says: {HIDDEN}"
        assert hide.line("The service says 'Received'.") == "The service says 'Received'."
        once = hide.line(refused)
        assert hide.line(once) == once

    def test_everything_of_a_request_is_known(self) -> None:
        whole = folded(borrowed(title="A long title", author="A. Uthor"))
        assert titles_of(whole) == {"A long title", "A. Uthor"}
        hide = redaction_of(whole, RECORD, (do.FindPatron("asked"), do.CheckIn(TARGET)))
        assert hide.text("asked p1 id-p1 a. uthor") == " ".join([HIDDEN] * 4)

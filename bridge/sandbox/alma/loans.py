"""Loans: made without a due date of one's own, then re-dated; renewed; listed by user and by item."""

from datetime import UTC, datetime

from flask import Blueprint, Response, request

from bridge.sandbox.alma import circulation, marc
from bridge.sandbox.alma.circulation import Counter
from bridge.sandbox.alma.errors import AlmaError, general, missing
from bridge.sandbox.alma.items import item_at
from bridge.sandbox.alma.model import Item, Loan, User
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.users import asked_user
from bridge.sandbox.alma.wire import Json, answer, code, code_in, due, listed, page, submitted, text_in, when

loans = Blueprint("loans", __name__)

_USER_LOANS = "/users/<userid:user_id>/loans"
_ITEM = "/bibs/<mms_id>/holdings/<holding_id>/items"


def loan_json(state: State, loan: Loan, *, renewable: bool | None = True) -> Json:
    """A loan as recorded in php_create_loan_response.json and umich_claims_returned.json."""
    item = state.items.get(loan.pid)
    desk = state.libraries[loan.library].desks.get(loan.desk)
    returned_at = state.libraries.get(loan.return_library)
    return_desk = returned_at.desks.get(loan.return_desk) if returned_at else None
    body: Json = {
        "loan_id": loan.loan_id,
        "circ_desk": code(loan.desk, desk.name if desk else None),
        "return_circ_desk": code(loan.return_desk or None, return_desk.name if return_desk else None) | {"link": None},
        "library": code(loan.library, state.library_name(loan.library)),
        "user_id": loan.user,
        "item_barcode": item.barcode if item else None,
        "due_date": due(loan.due),
        "loan_status": "ACTIVE" if loan.open else "COMPLETE",
        "loan_date": when(loan.loaned),
        "returned_by": {"value": "", "link": None},
        "process_status": loan.process_status,
        "item_id": loan.pid,
        "renewable": renewable,
        "last_renew_status": code("401193;" if loan.renewals else None, ""),
    }
    if loan.returned:
        body["return_date"] = when(loan.returned)
    return body | (_about(state, item) if item else {"mms_id": None, "title": None})


def _about(state: State, item: Item) -> Json:
    library, location = state.place_of(item)
    place = state.location(library, location)
    record = state.bibs[item.mms_id].record
    return {
        "mms_id": item.mms_id,
        "holding_id": item.holding_id,
        "title": state.title_of(item.mms_id),
        "author": state.author_of(item.mms_id) or None,
        "description": item.fields.get("description") or None,
        "publication_year": marc.first(record, "260", "c"),
        "call_number": state.holdings[item.holding_id].call_number,
        "location_code": {"value": location, "name": place.name if place else None},
        "item_policy": {"value": item.fields.get("policy") or None, "description": None},
    }


def _loan_asked(state: State, loan_id: str, *, user: User | None = None, pid: str = "") -> Loan:
    loan = state.loans.get(loan_id)
    foreign = loan is not None and ((user and loan.user != user.primary_id) or (pid and loan.pid != pid))
    if loan is None or foreign:
        raise AlmaError("401823", f"Loan ID {loan_id} does not exist.")
    return loan


def _listed(state: State, found: list[Loan]) -> Response:
    status = request.args.get("loan_status", "") or "Active"
    if status.lower() not in {"active", "complete"}:
        raise AlmaError("401666", "loan_status parameter is not valid.")
    wanted = [loan for loan in found if loan.open == (status.lower() == "active")]
    if status.lower() == "complete" and not state.behaviour.keeps_history:
        wanted = []
    bodies = [loan_json(state, loan, renewable=None) for loan in sorted(wanted, key=lambda loan: loan.loan_id)]
    return listed("item_loans", "item_loan", page(bodies), len(bodies))


@loans.get(_USER_LOANS)
def of_user(user_id: str) -> Response:
    """A user's loans."""
    state = alma()
    user = asked_user(state, user_id, untyped="401861")
    return _listed(state, [loan for loan in state.loans.values() if loan.user == user.primary_id])


@loans.get(f"{_ITEM}/<item_id>/loans")
def of_item(mms_id: str, holding_id: str, item_id: str) -> Response:
    """An item's loans."""
    item = item_at(alma(), mms_id, holding_id, item_id)
    return _listed(alma(), [loan for loan in alma().loans.values() if loan.pid == item.pid])


def _make(state: State, user: User, item: Item) -> Response:
    body = submitted()
    counter = Counter(code_in(body, "library"), code_in(body, "circ_desk"))
    if not counter.library:
        raise missing("library")
    if not counter.desk:
        raise missing("circ_desk")
    return answer("item_loan", loan_json(state, circulation.lend(state, user, item, counter, by="api")))


@loans.post(_USER_LOANS)
def create(user_id: str) -> Response:
    """Lends; a due date in the body is ignored (alma.md section 6)."""
    state = alma()
    user = asked_user(state, user_id)
    pid, barcode = request.args.get("item_pid", ""), request.args.get("item_barcode", "")
    if not pid and not barcode:
        raise AlmaError("401672", "PID field is empty.")
    if pid:
        if pid not in state.items:
            raise general()
        return _make(state, user, state.items[pid])
    found = state.items_with_barcode(barcode)
    if not found:
        raise AlmaError("401689", f"No items found for barcode {barcode}.")
    return _make(state, user, found[0])


@loans.post(f"{_ITEM}/<item_pid>/loans")
def create_by_item(mms_id: str, holding_id: str, item_pid: str) -> Response:
    """Lends to user_id=."""
    state = alma()
    user = asked_user(state, request.args.get("user_id", ""))
    return _make(state, user, item_at(state, mms_id, holding_id, item_pid))


@loans.get(f"{_USER_LOANS}/<loan_id>")
def read(user_id: str, loan_id: str) -> Response:
    """One loan."""
    state = alma()
    return answer("item_loan", loan_json(state, _loan_asked(state, loan_id, user=asked_user(state, user_id))))


@loans.get(f"{_ITEM}/<item_pid>/loans/<loan_id>")
def read_by_item(mms_id: str, holding_id: str, item_pid: str, loan_id: str) -> Response:
    """One loan."""
    item_at(alma(), mms_id, holding_id, item_pid)
    return answer("item_loan", loan_json(alma(), _loan_asked(alma(), loan_id, pid=item_pid)))


def _redate(state: State, loan: Loan) -> Response:
    if not loan.open:
        raise AlmaError("401823", f"Loan ID {loan.loan_id} does not exist.")
    given = text_in(submitted(), "due_date")
    if not given:
        raise AlmaError("401824", "Due date is not in loan object.")
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise general() from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment < state.clock():
        raise AlmaError("401681", "Due date cannot be in the past.")
    loan.due = moment.astimezone(UTC)
    return answer("item_loan", loan_json(state, loan))


@loans.put(f"{_USER_LOANS}/<loan_id>")
def redate(user_id: str, loan_id: str) -> Response:
    """Changes the due date; the only thing that can be changed."""
    state = alma()
    return _redate(state, _loan_asked(state, loan_id, user=asked_user(state, user_id)))


@loans.put(f"{_ITEM}/<item_pid>/loans/<loan_id>")
def redate_by_item(mms_id: str, holding_id: str, item_pid: str, loan_id: str) -> Response:
    """Changes the due date."""
    item_at(alma(), mms_id, holding_id, item_pid)
    return _redate(alma(), _loan_asked(alma(), loan_id, pid=item_pid))


def _renew(state: State, loan: Loan) -> Response:
    if request.args.get("op", "") != "renew":
        raise AlmaError("60211", "Loan operation not valid.")
    if not loan.open:
        raise AlmaError("401822", f"Cannot renew loan: Loan ID {loan.loan_id}.")
    circulation.renew(state, loan)
    return answer("item_loan", loan_json(state, loan))


@loans.post(f"{_USER_LOANS}/<loan_id>")
def renew(user_id: str, loan_id: str) -> Response:
    """Renews by the policy; takes no date."""
    state = alma()
    return _renew(state, _loan_asked(state, loan_id, user=asked_user(state, user_id)))


@loans.post(f"{_ITEM}/<item_pid>/loans/<loan_id>")
def renew_by_item(mms_id: str, holding_id: str, item_pid: str, loan_id: str) -> Response:
    """Renews by the policy."""
    item_at(alma(), mms_id, holding_id, item_pid)
    return _renew(alma(), _loan_asked(alma(), loan_id, pid=item_pid))

"""What goes over Koha's wire: records as JSON, errors in their several shapes, queries."""

import json
import re

from flask import Response, jsonify, request

from bridge.sandbox.koha.state import Bib, Checkout, Debit, Hold, Item, Json, Patron, State

WRITABLE = frozenset(
    [
        "external_id",
        "item_type_id",
        "home_library_id",
        "holding_library_id",
        "internal_notes",
        "public_notes",
        "materials_notes",
        "callnumber",
        "location",
        "permanent_location",
        "lost_status",
        "not_for_loan_status",
        "replacement_price",
        "collection_code",
        "damaged_status",
        "withdrawn",
        "copy_number",
    ]
)


class KohaError(Exception):
    """An answer of Koha that is an error; `body` is one of its shapes."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


def refused(status: int, text: str, code: str = "") -> KohaError:
    """`{"error"}`, with its code where it has one."""
    return KohaError(status, {"error": text} | ({"error_code": code} if code else {}))


def went_wrong() -> KohaError:
    """What Koha says of many a mistake of its client's."""
    return refused(500, "Something went wrong, check Koha logs for details.", "internal_server_error")


def malformed(text: str, path: str) -> KohaError:
    """A body or query that its schema refuses."""
    return KohaError(400, {"errors": [{"message": text, "path": path}], "status": 400})


def answered(body: object, status: int = 200) -> Response:
    """JSON with a status."""
    answer = jsonify(body)
    answer.status_code = status
    return answer


def body(*known: str) -> Json:
    """The JSON body. Raises KohaError for a property that is not known."""
    found = request.get_json(silent=True)
    if not isinstance(found, dict):
        raise malformed("Expected object - got string.", "/body")
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise malformed(f"Properties not allowed: {', '.join(unknown)}.", "/body")
    return found


def shown_item(state: State, item: Item) -> Json:
    """All of an item; `checked_out_date` is its due date, as it was seen to be."""
    loan = state.open_loan(item.id)
    computed = {
        "item_id": item.id,
        "biblio_id": item.bib,
        "checked_out_date": loan.due.astimezone(state.zone).date().isoformat() if loan else None,
        "effective_item_type_id": item.fields["item_type_id"],
        "effective_not_for_loan_status": 0,
        "holds_count": None,
    }
    return dict.fromkeys(WRITABLE) | item.fields | computed


def shown_patron(patron: Patron) -> Json:
    """What is read of a patron, and some that is not."""
    return {
        "patron_id": patron.id,
        "cardnumber": patron.cardnumber,
        "userid": patron.userid,
        "surname": patron.surname,
        "firstname": patron.firstname,
        "library_id": patron.library,
        "category_id": patron.category,
        "expiry_date": patron.expires.isoformat() if patron.expires else None,
        "restricted": patron.debarred,
        "patron_card_lost": patron.lost,
        "incorrect_address": False,
        "email": None,
    }


def shown_checkout(loan: Checkout) -> Json:
    """A loan."""
    return {
        "checkout_id": loan.id,
        "item_id": loan.item,
        "patron_id": loan.patron,
        "checkout_date": loan.out.isoformat(timespec="seconds"),
        "due_date": loan.due.isoformat(timespec="seconds"),
        "checkin_date": loan.returned.isoformat(timespec="seconds") if loan.returned else None,
        "library_id": "CPL",
        "renewals_count": loan.renewals,
    }


def shown_hold(hold: Hold, *, fresh: bool = False) -> Json:
    """A hold; its item is told as text."""
    return {
        "hold_id": hold.id,
        "biblio_id": hold.bib,
        "item_id": None if hold.item is None else str(hold.item),
        "item_level": hold.item is not None,
        "patron_id": hold.patron,
        "pickup_library_id": hold.pickup,
        "notes": hold.notes or None,
        "hold_date": hold.placed.isoformat(),
        "status": None if fresh else hold.status,
        "cancellation_date": None,
    }


def shown_bib(bib: Bib) -> Json:
    """A biblio as JSON."""
    return {"biblio_id": bib.id, "title": bib.title, "author": bib.author or None, "notes": bib.notes or None}


def shown_debit(debit: Debit) -> Json:
    """A charge."""
    return {
        "account_line_id": debit.id,
        "patron_id": debit.patron,
        "amount": debit.amount,
        "amount_outstanding": debit.amount,
        "type": debit.kind,
        "description": debit.description,
    }


def listed(rows: list[Json], *fields: str) -> Response:
    """A page of what matches the query: `q` as JSON, or fields by name, which match by part unless told otherwise."""
    asked = request.args.get("q", "")
    try:
        wanted = json.loads(asked) if asked else {}
    except ValueError as bad:
        raise went_wrong() from bad
    for name in request.args:
        if name not in {*fields, "q", "_match", "_page", "_per_page", "_order_by", "checked_in"}:
            raise KohaError(400, [{"message": "Malformed query string", "path": f"/query/{name}"}])
    exact = request.args.get("_match") == "exact"
    plain = {name: request.args[name] for name in fields if name in request.args}
    found = [
        row
        for row in rows
        if all(_plainly(row.get(name), value, exact=exact) for name, value in plain.items())
        and all(_matches(row, name, value) for name, value in wanted.items())
    ]
    page, size = int(request.args.get("_page", 1)), int(request.args.get("_per_page", 20))
    if size == 0:
        raise went_wrong()
    answer = answered(found if size < 0 else found[(page - 1) * size : page * size])
    answer.headers["X-Total-Count"] = str(len(found))
    return answer


def _plainly(value: object, wanted: str, *, exact: bool) -> bool:
    if isinstance(value, int):
        return str(value) == wanted
    text = str(value or "").casefold()
    return text == wanted.casefold() if exact else bool(re.search(_like(wanted), text))


def _like(pattern: str) -> str:
    return re.escape(pattern.casefold()).replace("%", ".*")


def _matches(row: Json, name: str, wanted: object) -> bool:
    if name not in row:
        raise went_wrong()
    if isinstance(wanted, dict):
        pattern = str(wanted.get("-like", ""))
        return bool(re.fullmatch(_like(pattern), str(row[name] or "").casefold()))
    return str(row[name] if row[name] is not None else "").casefold() == str(wanted).casefold()

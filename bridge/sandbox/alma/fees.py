"""Fines and fees: charged, paid, waived, disputed."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from bridge.sandbox.alma.errors import AlmaError
from bridge.sandbox.alma.model import Fee, Transaction
from bridge.sandbox.alma.state import State, alma
from bridge.sandbox.alma.users import asked_user
from bridge.sandbox.alma.wire import Json, answer, code, code_in, link, listed, submitted, text_in, when

fees = Blueprint("fees", __name__)

_FEES = "/users/<userid:user_id>/fees"
CURRENCY = "USD"
TYPES = {
    "OTHER": "Other",
    "OVERDUEFINE": "Overdue fine",
    "LOSTITEMREPLACEMENTFEE": "Lost item replacement fee",
    "LOSTITEMPROCESSFEE": "Lost item process fee",
    "DAMAGEDITEMFINE": "Damaged item fine",
    "RENEWFEE": "Renew fee",
    "DOCUMENTDELIVERYSERVICE": "Document delivery service",
    "CREDIT": "Credit",
    "CUSTOMER_DEFINED_01": "Interlibrary loan",
}


def fee_json(state: State, fee: Fee) -> Json:
    """A fee as recorded in umich_jbister_fines.json."""
    barcode: Json | None = None
    if fee.barcode:
        barcode = {"value": fee.barcode, "link": link(f"/items?item_barcode={fee.barcode}")}
    body: Json = {
        "id": fee.id,
        "type": code(fee.type, TYPES[fee.type]),
        "status": code(fee.status, fee.status.title()),
        "user_primary_id": {"value": fee.user, "link": link(f"/users/{fee.user}")},
        "balance": fee.balance,
        "remaining_vat_amount": 0,
        "original_amount": fee.original,
        "original_vat_amount": 0,
        "creation_time": when(fee.created),
        "status_time": when(fee.status_time),
        "comment": fee.comment or None,
        "owner": code(fee.owner, state.library_name(fee.owner) or None),
        "title": fee.title or None,
        "barcode": barcode,
        "link": link(f"/users/{fee.user}/fees/{fee.id}"),
    }
    return body | ({"transaction": [_transaction(one) for one in fee.transactions]} if fee.transactions else {})


def _transaction(one: Transaction) -> Json:
    return {
        "type": code(one.type, one.type.title()),
        "amount": one.amount,
        "vat_amount": 0,
        "reason": code(one.reason or None),
        "comment": one.comment or None,
        "created_by": "exl_api",
        "external_transaction_id": one.external_id or None,
        "transaction_time": when(one.at),
        "payment_method": code(one.method or None, one.method.title() or None),
    }


def _amount(given: str) -> float:
    try:
        return round(float(given), 2)
    except ValueError as error:
        raise AlmaError("401666", "amount parameter is not valid.") from error


@fees.get(_FEES)
def of_user(user_id: str) -> Response:
    """A user's fees of one status; ACTIVE by default."""
    state = alma()
    user = asked_user(state, user_id, untyped="401861")
    status = request.args.get("status", "") or "ACTIVE"
    if status not in {"ACTIVE", "INDISPUTE", "EXPORTED", "CLOSED"}:
        raise AlmaError("401666", "status parameter is not valid.")
    found = [fee for fee in state.fees.values() if fee.user == user.primary_id and fee.status == status]
    total = round(sum(fee.balance for fee in found), 2)
    bodies = [fee_json(state, fee) for fee in found]
    return listed("fees", "fee", bodies, total_sum=total, currency=CURRENCY if found else None)


@fees.post(_FEES)
def create(user_id: str) -> Response:
    """Charges a fee; repeating charges again. Mandatory: type, original_amount, owner (4019991-4019999)."""
    state = alma()
    user = asked_user(state, user_id, untyped="401861")
    body = submitted()
    kind, amount, owner = code_in(body, "type"), text_in(body, "original_amount"), code_in(body, "owner")
    barcode = text_in(body, "barcode") if not isinstance(body.get("barcode"), dict) else code_in(body, "barcode")
    _check(state, kind=kind, amount=amount, owner=owner, barcode=barcode)
    items = state.items_with_barcode(barcode) if barcode else []
    now = state.clock()
    fee = Fee(
        id=state.new_id("9"),
        user=user.primary_id,
        type=kind,
        original=_amount(amount),
        balance=_amount(amount),
        owner=owner,
        comment=text_in(body, "comment"),
        barcode=barcode,
        title=state.title_of(items[0].mms_id) if items else "",
        created=now,
        status_time=now,
        created_by="api",
    )
    state.fees[fee.id] = fee
    return answer("fee", fee_json(state, fee))


def _check(state: State, *, kind: str, amount: str, owner: str, barcode: str) -> None:
    if not kind:
        raise AlmaError("4019991", "User fine/fee type is required.")
    if kind not in TYPES:
        raise AlmaError("4019992", "User fine/fee type invalid entry.")
    if not amount:
        raise AlmaError("4019994", "User fine/fee original amount is required.")
    if not owner:
        raise AlmaError("4019996", "User fine/fee owner is required.")
    rule = state.behaviour.fee_owner
    if owner == state.institution and rule == "library":
        raise AlmaError("4019997", "User fine/fee owner must be a library and not institution.")
    if owner != state.institution and (owner not in state.libraries or rule == "institution"):
        raise AlmaError("4019999", "User fine/fee owner must be an institution.")
    if barcode and not state.items_with_barcode(barcode):
        raise AlmaError("4019993", "User item barcode invalid entry.")


def _fee_asked(state: State, user_id: str, fee_id: str) -> Fee:
    user = asked_user(state, user_id, untyped="401861")
    fee = state.fees.get(fee_id)
    if fee is None or fee.user != user.primary_id:
        raise AlmaError("401665", "Fine not found.")
    return fee


@fees.get(f"{_FEES}/<fee_id>")
def read(user_id: str, fee_id: str) -> Response:
    """One fee."""
    return answer("fee", fee_json(alma(), _fee_asked(alma(), user_id, fee_id)))


@fees.post(f"{_FEES}/<fee_id>")
def operate(user_id: str, fee_id: str) -> Response:
    """Pays, waives, disputes or restores a fee."""
    state = alma()
    fee = _fee_asked(state, user_id, fee_id)
    operations: dict[str, Callable[[State, Fee], None]] = {
        "pay": _pay,
        "waive": _waive,
        "dispute": lambda _, fee: setattr(fee, "status", "INDISPUTE"),
        "restore": lambda _, fee: setattr(fee, "status", "ACTIVE"),
    }
    operation = operations.get(request.args.get("op", ""))
    if operation is None:
        raise AlmaError("401666", "op parameter is not valid.")
    operation(state, fee)
    fee.status_time = state.clock()
    return answer("fee", fee_json(state, fee))


def _pay(state: State, fee: Fee) -> None:
    method = request.args.get("method", "")
    if method not in {"CREDIT_CARD", "ONLINE", "CASH"}:
        raise AlmaError("401666", "method parameter is not valid.")
    reduce_fee(state, fee, kind="PAYMENT", amount=_amount(request.args.get("amount", "")), method=method)


def _waive(state: State, fee: Fee) -> None:
    if not request.args.get("reason", ""):
        raise AlmaError("401666", "reason parameter is not valid.")
    reduce_fee(state, fee, kind="WAIVE", amount=_amount(request.args.get("amount", "") or str(fee.balance)))


def reduce_fee(state: State, fee: Fee, *, kind: str, amount: float, method: str = "") -> None:
    """Takes a payment or waiver off the balance; nothing left closes the fee. Raises AlmaError for too much."""
    if fee.status == "CLOSED" or amount > fee.balance:
        raise AlmaError("402119", "General error.")  # the only general one that users.json states for fees
    arguments = request.args
    fee.transactions.append(
        Transaction(
            type=kind,
            amount=amount,
            method=method,
            reason=arguments.get("reason", ""),
            comment=arguments.get("comment", ""),
            external_id=arguments.get("external_transaction_id", ""),
            at=state.clock(),
        )
    )
    fee.balance = round(fee.balance - amount, 2)
    if fee.balance == 0:
        fee.status = "CLOSED"

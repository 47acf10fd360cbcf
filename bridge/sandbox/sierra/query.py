"""The query language of Create Lists, as far as clients use it: one variable field that equals or holds a text."""

from collections.abc import Iterable
from typing import TypeVar

from bridge.sandbox.sierra.errors import bad_body
from bridge.sandbox.sierra.model import Record
from bridge.sandbox.sierra.wire import body, number

R = TypeVar("R", bound=Record)


def asked(kind: str) -> tuple[str, str, list[str]]:
    """Field tag, operator and operands of the query in the body. Raises 115."""
    given = body(("target", "expr"))
    target, expr = given.get("target"), given.get("expr")
    if not isinstance(target, dict) or not isinstance(expr, dict) or target.get("record") != {"type": kind}:
        raise bad_body(f"a query for records of type {kind} is wanted")
    tag = str((target.get("field") or {}).get("tag", ""))
    operands = expr.get("operands")
    if not tag or not isinstance(operands, list) or expr.get("op") not in {"equals", "has", "starts_with"}:
        raise bad_body("target.field.tag, expr.op and expr.operands are wanted")
    return tag, str(expr["op"]), [str(one) for one in operands]


def matching(kind: str, records: Iterable[R]) -> list[R]:
    """The records that the query in the body finds, a page of them."""
    tag, op, operands = asked(kind)
    found = [record for record in records if _meets(record, tag, op, operands) and seen(record)]
    offset, limit = number("offset", 0), number("limit", 50)
    return found[offset : offset + limit]


def seen(record: Record) -> bool:
    """Whether a look finds the record; one that does not is a look all the same."""
    if not record.unseen:
        return True
    record.unseen -= 1
    return False


def _meets(record: Record, tag: str, op: str, operands: list[str]) -> bool:
    texts = [text.casefold() for one in record.var_fields if one.tag == tag for text in one.texts]
    wanted = operands[0].casefold() if operands else ""
    if op == "equals":
        return wanted in texts
    if op == "has":
        return any(wanted in text for text in texts)
    return any(text.startswith(wanted) for text in texts)

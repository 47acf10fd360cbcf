"""Fields and keys by configuration: a service's row becomes our message without code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from bridge.domain.change import Condition

MESSAGE_FIELDS = (
    "id",
    "time",
    "sequence",
    "kind",
    "library",
    "role",
    "request.number",
    "request.requester",
    "service_type",
    "status",
    "notification",
    "partner",
    "leg",
    "volume",
    "due_date",
    "patron.id",
    "pickup_location",
    "temporary_barcode",
    "item.title",
    "item.author",
    "item.isbn",
    "item.barcode",
    "item.call_number",
    "item.format",
    "volumes",
    "fee.amount",
    "fee.currency",
    "fee.type",
    *(f"conditions.{name}" for name in Condition),
)


def _fillable(value: str) -> str:
    try:
        value.format_map(_Filled({}))
    except (ValueError, TypeError, LookupError) as wrong:
        raise ValueError(f"must name our fields in braces, as in {{request.number}}/{{status}} ({wrong})") from wrong
    return value


def _our_fields(value: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(value) - set(MESSAGE_FIELDS))
    if unknown:
        raise ValueError(f"there is no field {', '.join(unknown)}; the fields are {', '.join(MESSAGE_FIELDS)}")
    return value


FieldMap = Annotated[dict[str, str], AfterValidator(_our_fields)]
"""Our field = path in the service's row; ``=TEXT`` is the same text for every row."""
KeyPattern = Annotated[str, AfterValidator(_fillable)]
"""How a key is made from our fields in braces."""


def mapped(item: dict[str, Any], fields: Mapping[str, str], key: str = "") -> dict[str, Any]:
    """A row in our own fields: those that are mapped from their paths, the others as they stand."""
    if not fields and not key:
        return item
    found: dict[str, Any] = {}
    for name in MESSAGE_FIELDS:
        value = _mapped_value(item, fields.get(name, name))
        if value is not _MISSING:
            _put(found, name, value)
    return keyed(found, key)


def flat(row: Mapping[str, str | None], fields: Mapping[str, str], key: str = "") -> dict[str, Any]:
    """The same for a row of a table: a path is the name of a column, however it is spaced and capitalised."""
    cells = {folded_header(name): value for name, value in row.items()}
    found: dict[str, Any] = {}
    for name in MESSAGE_FIELDS:
        column = fields.get(name, name)
        if column.startswith("="):
            _put(found, name, column[1:])
        elif folded_header(column) in cells:
            _put(found, name, cells[folded_header(column)])
    return keyed(found, key)


def folded_header(name: str) -> str:
    """The name of a column without case, and with its white space folded."""
    return " ".join(name.casefold().split())


def keyed(found: dict[str, Any], key: str) -> dict[str, Any]:
    """With the id that its key makes, where it has none."""
    if key and "id" not in found:
        found["id"] = key.format_map(_Filled(found))
    return found


def laid_over(said: dict[str, Any], row: dict[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """A row that was read already, with those of our fields anew that the configuration finds elsewhere in it."""
    found = dict(said)
    for name, path in fields.items():
        value = _mapped_value(row, path)
        if value is not _MISSING:
            _put(found, name, value)
    return found


class _Filled(dict[str, str]):
    """Fills ``{request.number}`` and the like from a message."""

    def __init__(self, mapped: dict[str, Any]) -> None:
        super().__init__()
        self._mapped = mapped

    def __missing__(self, name: str) -> Any:  # noqa: ANN401 - what format_map asks for
        return _Dotted(self._mapped.get(name, ""))


class _Dotted:
    def __init__(self, value: object) -> None:
        self._value = value

    def __getattr__(self, name: str) -> _Dotted:
        return _Dotted(self._value.get(name, "") if isinstance(self._value, dict) else "")

    def __format__(self, _spec: str) -> str:
        return str(self._value)


_MISSING = object()


def at_path(value: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    """What stands at a dotted path of a JSON value (numbers index lists); ``None`` where nothing does."""
    found = _at(value, path)
    return None if found is _MISSING else found


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    for part in path.split(".") if path else ():
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return _MISSING
    return value


def _mapped_value(item: dict[str, Any], path: str) -> Any:  # noqa: ANN401 - JSON
    return path[1:] if path.startswith("=") else _at(item, path)


def _put(mapped: dict[str, Any], name: str, value: Any) -> None:  # noqa: ANN401 - JSON
    part, _, field = name.partition(".")
    if not field:
        mapped[part] = str(value) if part in {"id", "status"} and isinstance(value, int) else value
        return
    if value is None:
        mapped.setdefault(part, None if part in {"patron", "fee"} else {})
        return
    inner = mapped.get(part)
    mapped[part] = {
        **(inner if isinstance(inner, dict) else {}),
        field: str(value) if isinstance(value, int) else value,
    }

"""What an older release must still be able to read: the documents in the ledger, held against their shapes as recorded.

``documents.json`` is the shape of what the release ``READABLE_BY`` reads. A word or a type that it does not know would be a request that
a release rolled back to cannot read. Whoever needs one has two ways: let one release learn to read it and the next write it; or raise
``READABLE_BY``, with a migration, and record the shapes anew (before the first release, recording alone will do):
python -m tests.ledger.test_documents
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from bridge.ledger import codec
from bridge.ledger.migrating import READABLE_BY

RECORDED = Path(__file__).with_name("documents.json")
Shapes = dict[str, Any]


def shapes() -> Shapes:
    """Every kind of object that may stand in a document."""
    adapters: tuple[TypeAdapter[Any], ...] = (codec._REQUEST, codec._RECORD, codec._KEY, *codec._COMMANDS.values())
    found: Shapes = {}
    for adapter in adapters:
        schema = adapter.json_schema()
        found |= schema.pop("$defs", {})
        found[schema["title"]] = schema
    return {name: bare(shape) for name, shape in sorted(found.items())}


def bare(shape: Any) -> Any:
    """Without titles and descriptions."""
    if isinstance(shape, list):
        return [bare(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    return {
        name: {each: bare(inner) for each, inner in part.items()} if name == "properties" else bare(part)
        for name, part in shape.items()
        if name not in {"title", "description", "default"}
    }


def unreadable(written: Shapes, read: Shapes) -> Iterator[str]:
    """What a release that reads the shapes ``read`` cannot read of the shapes ``written``."""
    for name in written.keys() & read.keys():
        new, old = written[name], read[name]
        yield from (f"{name}: the word '{word}'" for word in set(new.get("enum", ())) - set(old.get("enum", ())))
        yield from (
            f"{name}.{key} may be left out" for key in set(old.get("required", ())) - set(new.get("required", ()))
        )
        both = new.get("properties", {}).keys() & old.get("properties", {}).keys()
        yield from (
            f"{name}.{key} is of another kind" for key in both if new["properties"][key] != old["properties"][key]
        )


def test_an_older_release_reads_what_this_one_writes() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert recorded["readable_by"] == READABLE_BY
    assert sorted(unreadable(shapes(), recorded["shapes"])) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("Phase", "enum", 0), "vanished", "Phase: the word 'vanished'"),
        (("ItemRecord", "required"), ["leg"], "ItemRecord.volume may be left out"),
        (("ItemRecord", "properties", "barcode", "type"), "integer", "ItemRecord.barcode is of another kind"),
    ],
)
def test_what_it_cannot_read_is_seen(path: tuple[str | int, ...], value: object, said: str) -> None:
    known = shapes()
    changed: Any = copy.deepcopy(known)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert said in list(unreadable(changed, known))


def test_more_fields_are_no_trouble() -> None:
    more = copy.deepcopy(shapes())
    more["ItemRecord"]["properties"]["shelf"] = {"type": "string"}
    more["Shelf"] = {"enum": ["a"]}
    assert list(unreadable(more, shapes())) == []


if __name__ == "__main__":
    text = json.dumps({"readable_by": READABLE_BY, "shapes": shapes()}, indent=1, sort_keys=True)
    RECORDED.write_text(f"{text}\n", encoding="utf-8")

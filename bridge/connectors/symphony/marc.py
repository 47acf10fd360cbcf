"""The temporary bib as MARC in JSON (symphony.md section 5.1): control fields have one subfield ``_``, others two indicators."""

from __future__ import annotations

import re

from bridge.connectors.symphony.models import Bib
from bridge.domain.commands import CreateTemporaryItem
from bridge.domain.identity import CODE, Mark

LEADER = "00000nam a2200000 a 4500"
"""Encoding level blank: an upper-case one is refused in changes (symphony.md section 5.1)."""
FIXED = "000000s        xx            000 0 und d"
WORD = "ILLB"
"""A word that every temporary bib bears, by which all of them are found."""
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f]+")


def record(command: CreateTemporaryItem, mark_tag: str) -> dict[str, object]:
    """The bib to create. Its number in 035 is ours alone, lest a loading rule merge it with another title."""
    told, mark = command.description, command.target.mark
    title = f"{told.title or 'Interlibrary loan'}{f' ({told.volume})' if told.volume else ''}"
    fields: list[dict[str, object]] = [{"tag": "008", "subfields": [{"code": "_", "data": FIXED}]}]
    fields += [_field("020", "  ", a=told.isbn)] if told.isbn else []
    fields += [_field("035", "  ", a=f"({WORD}){mark.code}")]
    fields += [_field("100", "1 ", a=told.author)] if told.author else []
    fields += [
        _field("245", f"{'1' if told.author else '0'}0", a=title),
        _field(mark_tag, "  ", a=WORD, b=word_of(mark), c=mark.text),
    ]
    return {"standard": "MARC21", "type": "BIB", "leader": LEADER, "fields": fields}


def word_of(mark: Mark) -> str:
    """The part of a mark that is one word to any index."""
    return mark.code.removeprefix(f"{WORD}-")


def marks_of(bib: Bib, mark_tag: str) -> tuple[Mark, ...]:
    """The marks that a bib bears; the text is empty where only the number in 035 is left."""
    found: dict[str, Mark] = {}
    for text in (*bib.marc.texts(mark_tag), *bib.marc.texts("035")):
        code = CODE.search(text)
        if code is not None and code[0] not in found:
            found[code[0]] = Mark(code[0], text[code.start() :])
    return tuple(found.values())


def _field(tag: str, indicators: str, **parts: str) -> dict[str, object]:
    subfields = [{"code": code, "data": _UNPRINTED.sub(" ", data)} for code, data in parts.items()]
    return {"tag": tag, "inds": indicators, "subfields": subfields}

"""What judgements of all stand-ins have in common: what is asked, which marks are borne, and which seeded items were touched."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Standing = dict[str, object]
MARK = re.compile(r"ILLB-[0-9a-f]{16}")


class SeededExpectation(BaseModel):
    """How a seeded item should stand where that differs from its seed; a field left out is not expected to differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loan: str | None = None
    barcode: str | None = None
    gone: bool = False


E = TypeVar("E", bound=SeededExpectation)


class ReportAsked(BaseModel, Generic[E]):
    """The body of POST /_sandbox/report; without mark and barcode everything is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mark: str = ""
    barcode: str = ""
    expect: dict[str, E] = Field(default_factory=dict)

    @property
    def everything(self) -> bool:
        """Whether nothing is named."""
        return not self.mark and not self.barcode

    def means(self, barcode: str, texts: Iterable[str]) -> bool:
        """Whether a thing with this barcode and these texts is asked about."""
        named = bool(self.barcode) and barcode == self.barcode
        return self.everything or named or (bool(self.mark) and bears(self.mark, *texts))


def bears(mark: str, *texts: str) -> bool:
    """True if one of the texts contains the mark as a whole word."""
    pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(mark)}(?![A-Za-z0-9])")
    return any(pattern.search(text) for text in texts)


def marks_in(texts: Iterable[str]) -> set[str]:
    """The marks that these texts contain."""
    return {found for text in texts for found in MARK.findall(text)}


def seen_twice(kind: str, names: Iterable[str], wanted: str = "") -> Iterable[Standing]:
    """What is there more than once; only `wanted` where it is named."""
    for name, count in Counter(names).items():
        if count > 1 and wanted in {"", name}:
            yield {"kind": kind, "id": name, "count": count}


def touched(barcode: str, should: Standing, wanted: Standing, found: Standing | None) -> Iterable[Standing]:
    """What differs at one seeded item from how it should stand, `wanted` going before its seed. `found`: None where it is gone."""
    if found is None:
        if not wanted.get("gone"):
            yield {"barcode": barcode, "what": "item", "expected": "there", "found": "gone"}
        return
    for key, value in (should | wanted).items():
        if key != "gone" and found[key] != value:
            yield {"barcode": barcode, "what": key, "expected": value, "found": found[key]}


def given(wanted: BaseModel | None) -> Standing:
    """The fields that an expectation names."""
    return {key: getattr(wanted, key) for key in wanted.model_fields_set} if wanted else {}


def noted(snapshot: Mapping[str, object], now: Standing, keys: Iterable[str]) -> Standing:
    """A snapshot in which these keys are as they are now."""
    return dict(snapshot) | {key: now[key] for key in keys}

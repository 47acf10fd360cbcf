"""Libraries, locations and desks of an Alma institution, each read once (Alma OpenAPI conf.json, Organization Units)."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from functools import cache
from typing import TypeVar

from bridge.connectors.alma import models as alma
from bridge.connectors.alma.client import AlmaClient
from bridge.connectors.alma.errors import Missing
from bridge.errors import CredentialsRejected, Rejected, Retry

T = TypeVar("T")


class Refused(Exception):
    """Something could not be looked at, or is not there; ``why`` says so in a sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def looked_up(look: Callable[[], T]) -> T:
    """What a look found. Raises ``Refused`` where Alma says no to this look alone; ``Unavailable`` goes its way."""
    try:
        return look()
    except (Rejected, Missing, Retry, CredentialsRejected) as refused:
        raise Refused(refused.reason) from refused


class Desks:
    """What an institution's Configuration API tells of its places. The methods ``against_…`` answer a sentence, empty where all is well."""

    def __init__(self, client: AlmaClient) -> None:
        self._client = client
        self.libraries: frozenset[str] = frozenset()
        self.institution = ""
        self._locations = cache(self._read_locations)
        self._desk = cache(self._read_desk)

    def read_libraries(self) -> None:
        """Read which libraries there are; before anything else. Raises ``Refused``."""
        found = looked_up(self._client.libraries).library
        self.libraries = frozenset(each.code for each in found)
        paths = [each.path.split(".") for each in found if each.path]
        self.institution = next((path[-2] for path in paths if len(path) > 1), "")

    def against_library(self, code: str) -> str:
        """Whether there is such a library."""
        return "" if code in self.libraries else f"There is no library '{code}' in Alma{meant(code, self.libraries)}"

    def against_location(self, library: str, location: str) -> str:
        """Whether the library has such a location."""
        problem = self.against_library(library)
        if problem:
            return problem
        try:
            codes = self._locations(library)
        except Refused as refused:
            return refused.why
        if location in codes:
            return ""
        return f"Library {library} has no location '{location}'{meant(location, codes)}"

    def against_desk(self, library: str, desk: str) -> str:
        """Whether the library has such a desk."""
        problem = self.against_library(library)
        if problem:
            return problem
        try:
            self._desk(library, desk)
        except Refused as refused:
            return f"Library {library} has no desk '{desk}' that can be read: {refused.why}"
        return ""

    def against_serving(self, library: str, desk: str, location: str, what: str) -> str:
        """Whether a desk that is there does ``what`` (check_in or check_out) for a location of its library."""
        served = next((row for row in self._desk(library, desk).location if row.location_code == location), None)
        if served is None:
            return f"Desk {library}/{desk} does not serve location {location}."
        if getattr(served, what) is False:
            return f"Desk {library}/{desk} may not {what.replace('_', ' ')} items of location {location}."
        return ""

    def has_hold_shelf(self, library: str, desk: str) -> bool:
        """Whether a desk that is there keeps held items; one that does not say is believed to."""
        return self._desk(library, desk).has_hold_shelf is not False

    def lacks(self, library: str, desk: str) -> bool:
        """Whether the library is known to have no such desk."""
        try:
            self._desk(library, desk)
        except Refused:
            return True
        return False

    def _read_locations(self, library: str) -> frozenset[str]:
        return frozenset(row.code for row in looked_up(lambda: self._client.locations(library)).location)

    def _read_desk(self, library: str, desk: str) -> alma.Desk:
        return looked_up(lambda: self._client.desk(library, desk))


def meant(name: str, known: Iterable[str]) -> str:
    """How a sentence about an unknown code ends: with the one that was probably meant."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; is '{near[0]}' meant?" if near else "."

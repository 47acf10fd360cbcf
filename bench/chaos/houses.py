"""The houses of a day of chaos: one a connector that has a stand-in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.chaos.alma import AlmaHouse
from bench.chaos.ils import House
from bench.chaos.koha import KohaHouse
from bench.chaos.manual import ManualHouse
from bench.chaos.ncip import NcipHouse
from bench.chaos.sierra import SierraHouse
from bench.chaos.symphony import SymphonyHouse

HOUSES: Mapping[str, Callable[[Sequence[str]], House]] = {
    "alma": AlmaHouse,
    "koha": KohaHouse,
    "manual": ManualHouse,
    "ncip": NcipHouse,
    "sierra": SierraHouse,
    "symphony": SymphonyHouse,
}
UNTOLD: Mapping[str, frozenset[str]] = {each.name: each.untold for each in (NcipHouse,)}
"""Stories that are not told of a lane, by its house."""

"""The houses of a day of chaos: one a connector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.chaos.alma import AlmaHouse
from bench.chaos.ils import House
from bench.chaos.koha import KohaHouse
from bench.chaos.manual import ManualHouse
from bench.chaos.ncip import FolioHouse, HorizonHouse, MillenniumHouse, NcipHouse, WmsHouse
from bench.chaos.sierra import SierraHouse
from bench.chaos.spydus import SpydusHouse
from bench.chaos.symphony import SymphonyHouse

_ALL = (
    AlmaHouse,
    FolioHouse,
    HorizonHouse,
    KohaHouse,
    ManualHouse,
    MillenniumHouse,
    NcipHouse,
    SierraHouse,
    SpydusHouse,
    SymphonyHouse,
    WmsHouse,
)
HOUSES: Mapping[str, Callable[[Sequence[str]], House]] = {each.name: each for each in _ALL}
"""An ILS as a day of chaos needs it, made with the barcodes of its own items that stories are about."""
UNTOLD: Mapping[str, frozenset[str]] = {each.name: each.untold for each in _ALL}
"""Stories that cannot end well in such an ILS, as its class says why."""

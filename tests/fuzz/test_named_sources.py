"""Rows of named sources may hold anything anywhere: each is understood, or kept with a reason; none stops the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sources.alma_sharing import AlmaSharingSettings, AlmaSharingSource
from bridge.sources.crosslink import CrossLinkSettings, CrossLinkSource
from bridge.sources.listed import ListedSource
from bridge.sources.oclc import OclcSettings, OclcSource
from bridge.sources.reshare import ReShareSettings, ReShareSource

LIBRARIES = frozenset({"main"})
COMMON = {"service": "svc", "library": "main", "url": "https://ill.example"}
FIELDS = (
    *(
        "side",
        "state",
        "isRequester",
        "requestStatus",
        "status",
        "ourSide",
        "bridge_side",
        "id",
        "requestId",
        "request_id",
        "hrid",
    ),
    *(
        "updatedAt",
        "lastUpdated",
        "edited",
        "last_modified_time",
        "illRequest",
        "illResponse",
        "items",
        "volumes",
        "requester",
    ),
    *("patron", "item", "partner", "format", "dueDate", "parsedDueDateRS"),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(
        ["borrowing", "lending", "SHIPPED", "0001-01-01T00:00:00Z", "2026-11-24T12:00:00+0000", "9999-12-31T23:59:59Z"]
    ),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=8)), inner, max_size=4),
    ),
    max_leaves=12,
)
ROWS = st.one_of(ANYTHING, st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=len(FIELDS)))


def sources() -> list[ListedSource[Any]]:
    def tell(_exchange: object) -> None:
        """Nobody is called."""

    crosslink = CrossLinkSettings.model_validate({**COMMON, "symbols": ["ISIL:US"]})
    reshare = ReShareSettings.model_validate({**COMMON, "tenant": "t"})
    oclc = OclcSettings.model_validate(
        {**COMMON, "key": "k", "secret": "s", "lending_path": "/l", "payment_only": {"item.title": "pays"}}
    )
    alma = AlmaSharingSettings.model_validate({**COMMON, "users": ["u"]})
    return [
        CrossLinkSource("crosslink", crosslink, LIBRARIES, tell=tell),
        ReShareSource("reshare", reshare, LIBRARIES, tell=tell),
        OclcSource("oclc", oclc, LIBRARIES, tell=tell),
        AlmaSharingSource("alma", alma, LIBRARIES, tell=tell),
    ]


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
@given(row=ROWS)
def test_no_row_stops_a_source(source: ListedSource[Any], row: Any) -> None:
    arrival = source.replayed(json.dumps(row))
    assert arrival.key
    assert bool(arrival.changes) != bool(arrival.problem)
    assert source.replayed(arrival.body) == arrival
    assert source._moment(row) is None or source._moment(row).tzinfo is not None  # type: ignore[union-attr]

"""The manual connector: every verb is a task for staff, confirmed with ``ill-bridge resolve`` (docs/reference/connectors/manual.md)."""

from __future__ import annotations

from pydantic import BaseModel

from bridge.connectors.base import Connector, Surroundings
from bridge.connectors.by_hand import CANNOT_LIST, ByHand, staffed
from bridge.connectors.manual.settings import ManualSettings
from bridge.domain.capabilities import Ability, Capabilities


def capabilities_of(settings: ManualSettings) -> Capabilities:
    """Everything by staff, but for what this library does not do. A due date is set with the check-out, as a person would do it."""
    return Capabilities(
        abilities=staffed(dict.fromkeys(settings.not_done, Ability.NO)),
        double_charge=True,
        places_have_libraries=False,
        inspect_by=frozenset(),
        cannot_list=CANNOT_LIST,
    )


class ManualConnector(ByHand):
    """One library's staff."""

    def __init__(self, settings: ManualSettings, surroundings: Surroundings) -> None:
        self.name = surroundings.ils
        self.capabilities = capabilities_of(settings)


def build(settings: BaseModel, surroundings: Surroundings) -> Connector:
    """The connector for these settings (a ``ManualSettings``); nothing is called, so that nothing is paced or told."""
    return ManualConnector(ManualSettings.model_validate(settings.model_dump()), surroundings)

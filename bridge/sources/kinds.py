"""The kinds of sources that can be configured, each by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from bridge.errors import ConfigurationError
from bridge.http import Exchange
from bridge.sources.alma_sharing import AlmaSharingSettings, AlmaSharingSource
from bridge.sources.base import SourceSettings
from bridge.sources.crosslink import CrossLinkSettings, CrossLinkSource
from bridge.sources.feed import FeedSettings, FeedSource
from bridge.sources.file import FileSettings, FileSource
from bridge.sources.illiad import IlliadSettings, IlliadSource
from bridge.sources.iso18626 import Iso18626Settings
from bridge.sources.koha import KohaSettings, KohaSource
from bridge.sources.oclc import OclcSettings, OclcSource
from bridge.sources.polled import PolledSource
from bridge.sources.rapido import RapidoSettings, RapidoSource
from bridge.sources.reshare import ReShareSettings, ReShareSource
from bridge.sources.webhook import WebhookSettings

Tell = Callable[[Exchange], None]
Build = Callable[..., PolledSource]


@dataclass(frozen=True)
class SourceKind:
    """A kind of source: its settings, and how one that is polled is made (``None`` where it calls us)."""

    settings: type[SourceSettings]
    build: Build | None = None


def _file(name: str, settings: Any, libraries: AbstractSet[str], *, tell: Tell) -> PolledSource:  # noqa: ANN401, ARG001
    """A folder is not called."""
    return FileSource(name, settings, libraries)


KINDS: Mapping[str, SourceKind] = {
    "webhook": SourceKind(WebhookSettings),
    "iso18626": SourceKind(Iso18626Settings),
    "feed": SourceKind(FeedSettings, FeedSource),
    "file": SourceKind(FileSettings, _file),
    "crosslink": SourceKind(CrossLinkSettings, CrossLinkSource),
    "rapido": SourceKind(RapidoSettings, RapidoSource),
    "koha": SourceKind(KohaSettings, KohaSource),
    "illiad": SourceKind(IlliadSettings, IlliadSource),
    "alma_sharing": SourceKind(AlmaSharingSettings, AlmaSharingSource),
    "oclc": SourceKind(OclcSettings, OclcSource),
    "reshare": SourceKind(ReShareSettings, ReShareSource),
}


def source_settings(kind: str) -> type[SourceSettings]:
    """The settings model of a kind of source. Raises ``ConfigurationError``."""
    if kind not in KINDS:
        raise ConfigurationError((f"there is no kind of source '{kind}'; there are: {', '.join(KINDS)}",))
    return KINDS[kind].settings


def kind_of(settings: object) -> str:
    """The name of the kind that has these settings; empty where none has."""
    return next((name for name, kind in KINDS.items() if type(settings) is kind.settings), "")


def polled_source(name: str, settings: object, libraries: AbstractSet[str], tell: Tell) -> PolledSource | None:
    """The source of these settings, where it is one that is polled."""
    kind = KINDS.get(kind_of(settings))
    return kind.build(name, settings, libraries, tell=tell) if kind is not None and kind.build is not None else None

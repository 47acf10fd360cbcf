"""Pairings that would do the work twice or cross requests; they are refused (DESIGN section 3). Nothing is asked of anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from urllib.parse import urlsplit

from pydantic import BaseModel

from bridge.checks.in_system import accounts_shared
from bridge.connectors.base import ConnectorKind
from bridge.domain.finding import Finding, failed, warned, well
from bridge.domain.policy import AlignDueDate, BorrowingPolicy
from bridge.settings import Configuration, LibrarySettings, Settings
from bridge.sources.asked import AskedSettings
from bridge.sources.base import SourceSettings, System
from bridge.sources.webhook import WebhookSettings

CIRCULATES = frozenset(System) - {System.UNSAID, System.OTHER}
"""Systems that can do circulation in an ILS by themselves: with NCIP, an ILS's API, or because they are part of it."""
DEFAULT_BRIDGE = Settings.model_fields["bridge"].default


@dataclass(frozen=True)
class Named:
    """A source by its name, and the libraries of ours that it can speak for."""

    name: str
    settings: SourceSettings
    libraries: frozenset[str]

    @property
    def host(self) -> str:
        """Host and port that it is asked at; empty for one that calls us."""
        return urlsplit(self.settings.url).netloc.lower() if isinstance(self.settings, AskedSettings) else ""


def sources_of(known: Configuration) -> tuple[Named, ...]:
    """All sources with the libraries they speak for: those they map or name; a message may also use our own names."""
    every = frozenset(known.settings.libraries)
    return tuple(
        Named(name, settings, _libraries(settings, every))
        for name, settings in known.sources.items()
        if isinstance(settings, SourceSettings)
    )


def _libraries(settings: SourceSettings, every: frozenset[str]) -> frozenset[str]:
    named = frozenset([*settings.libraries.values(), *([settings.library] if settings.library else [])])
    return named or every


def unheard(known: Configuration, library: str, kind_of: Callable[[str], ConnectorKind]) -> Iterator[Finding]:
    """A library that waits for a loan webhook which its ILS does not have."""
    settings = known.settings.libraries[library]
    if not settings.borrowing.enabled or settings.borrowing.align_due_date is not AlignDueDate.WEBHOOK:
        return
    hook_of = kind_of(known.settings.ils[settings.ils].connector).loan_hook
    subject = "Borrowing: due dates"
    if hook_of is None:
        text = "align_due_date waits for a loan webhook, and this connector has none."
        yield failed(subject, text, 'Set align_due_date = "daily".')
    elif hook_of(known.connectors[settings.ils]) is None:
        text = f"align_due_date waits for the loan webhook of '{settings.ils}', whose loan_webhook_secret is not set."
        yield failed(subject, text, 'Set it as docs/how-to/due-dates.md says, or align_due_date = "daily".')


def pairings(known: Configuration, kind_of: Callable[[str], ConnectorKind]) -> tuple[Finding, ...]:
    """Every pairing that would do harm, and what could not be told."""
    sources = sources_of(known)
    return (
        *_by_service(known, sources),
        *_one_service_twice(sources),
        *_one_secret_twice(sources),
        *_one_institution_twice(known, kind_of),
        *_barcodes(known.settings, sources),
        *accounts_shared(known.settings),
        *_alone(known.settings, sources),
        _bridge(known.settings),
    )


def _by_service(known: Configuration, sources: Iterable[Named]) -> Iterator[Finding]:
    for source in sources:
        unsaid: list[str] = []
        for name in sorted(source.libraries & set(known.settings.libraries)):
            library = known.settings.libraries[name]
            if not _works(library):
                continue
            said = source.settings.circulates(name)
            subject = f"Source {source.name} and library {name}"
            if said:
                yield failed(subject, _TWICE, _switch_off(name))
            elif said is None and _same_alma(known, source, library):
                yield failed(
                    subject, _ALMA, f"{_switch_off(name)} If it is another Alma: circulation_by_service = false."
                )
            elif said is None:
                unsaid.append(name)
        if unsaid:
            yield _unsaid(source, unsaid)


_TWICE = "The service does the circulation itself, and the bridge would do it too."
_ALMA = (
    "Alma's own resource sharing makes temporary items and holds in the same Alma, and the bridge would make them too."
)


def _switch_off(library: str) -> str:
    return (
        f"Either switch the service's own circulation off and say circulation_by_service = false, or set enabled = false under "
        f"[libraries.{library}.borrowing] and .lending."
    )


def _same_alma(known: Configuration, source: Named, library: LibrarySettings) -> bool:
    alma = known.settings.ils[library.ils].connector == "alma"
    return source.settings.system is System.ALMA and alma and library.borrowing.enabled


def _works(library: LibrarySettings) -> bool:
    return library.borrowing.enabled or library.lending.enabled


def _unsaid(source: Named, libraries: list[str]) -> Finding:
    system = source.settings.system
    can = f"{system.value} can do the circulation itself" if system in CIRCULATES else "the service may do it itself"
    text = f"Whether the service does the circulation itself for {', '.join(libraries)} is not said; {can}."
    advice = (
        f"Look it up at the service, then say circulation_by_service = false (or true) under [sources.{source.name}]."
    )
    return warned(f"Source {source.name}", text, advice)


def _one_service_twice(sources: tuple[Named, ...]) -> Iterator[Finding]:
    """Two names of one service make two requests of each loan."""
    for one, other in combinations(sources, 2):
        shared = sorted(one.libraries & other.libraries)
        if one.settings.service == other.settings.service or not shared:
            continue
        same_host = one.host and one.host == other.host
        same_system = one.settings.system not in {System.UNSAID, System.OTHER} and (
            one.settings.system is other.settings.system
        )
        if same_host or same_system:
            what = f"both ask {one.host}" if same_host else f"both speak for {one.settings.system.value}"
            text = (
                f"They {what} for {', '.join(shared)}, under two names of service "
                f"('{one.settings.service}', '{other.settings.service}'): each loan would be two requests."
            )
            yield failed(f"Sources {one.name} and {other.name}", text, "Give both the same 'service'.")


def _one_secret_twice(sources: tuple[Named, ...]) -> Iterator[Finding]:
    hooks = [(each.name, each.settings) for each in sources if isinstance(each.settings, WebhookSettings)]
    for (name, one), (other_name, other) in combinations(hooks, 2):
        if not _secrets(one) & _secrets(other):
            continue
        subject, advice = f"Sources {name} and {other_name}", "Give each webhook a secret of its own."
        if one.service != other.service:
            text = "They share a secret: a message signed for one service would be believed as the other's."
            yield failed(subject, text, advice)
        else:
            yield warned(subject, "They share a secret.", advice)


def _secrets(hook: WebhookSettings) -> set[str]:
    return {secret.get_secret_value() for secret in (hook.secret, hook.previous_secret) if secret is not None}


def _one_institution_twice(known: Configuration, kind_of: Callable[[str], ConnectorKind]) -> Iterator[Finding]:
    """One institution has one rate limit and one set of barcodes, so it must be one lane."""
    lanes = [(name, ils.connector) for name, ils in known.settings.ils.items()]
    for (name, kind), (other, other_kind) in combinations(lanes, 2):
        if kind != other_kind:
            continue
        reached = [_institution(kind_of(kind), known.connectors[each]) for each in (name, other)]
        if reached[0] == reached[1]:
            text = "Both reach the same institution with the same credentials: its limits would be counted twice."
            advice = f'Keep one, and let all libraries name it: ils = "{name}".'
            yield failed(f"ILS {name} and {other}", text, advice)


def _institution(kind: ConnectorKind, settings: BaseModel) -> object:
    """Where a connector does not tell, settings that are equal throughout reach the same."""
    return kind.institution(settings) if kind.institution is not None else settings


def _barcodes(settings: Settings, sources: tuple[Named, ...]) -> Iterator[Finding]:
    """Request numbers of different services can be equal, so libraries of one ILS need different prefixes then."""
    borrowing = [(name, each) for name, each in settings.libraries.items() if _makes_items(each.borrowing)]
    for (name, one), (other_name, other) in combinations(borrowing, 2):
        same = (one.ils, one.borrowing.barcode_prefix) == (other.ils, other.borrowing.barcode_prefix)
        if same and _services(sources, name) != _services(sources, other_name):
            text = (
                f"Both make temporary barcodes with the prefix '{one.borrowing.barcode_prefix}' in ILS {one.ils}, from the numbers of "
                "different services, which can be equal."
            )
            yield warned(f"Libraries {name} and {other_name}", text, "Give each a barcode_prefix of its own.")


def _makes_items(policy: BorrowingPolicy) -> bool:
    return policy.enabled and policy.makes_items


def _services(sources: Iterable[Named], library: str) -> frozenset[str]:
    return frozenset(each.settings.service for each in sources if library in each.libraries)


def _alone(settings: Settings, sources: tuple[Named, ...]) -> Iterator[Finding]:
    """Parts that nothing leads to."""
    for name in settings.libraries:
        if not _services(sources, name):
            yield warned(f"Library {name}", "No source speaks for it, so nothing is ever done.", "Name it in a source.")
    used = {library.ils for library in settings.libraries.values()}
    for name in settings.ils.keys() - used:
        yield warned(f"ILS {name}", "No library works in it.", "Remove it, or name it in a library.")
    if not settings.libraries:
        yield failed("Libraries", "There is none.", "Add a table [libraries.NAME].")


def _bridge(settings: Settings) -> Finding:
    text = f"Signs what it makes as '{settings.bridge}'."
    if settings.bridge == DEFAULT_BRIDGE:
        text += " A second bridge on the same ILS (a test one, say) needs another name, or each takes the other's items for its own."
    return well("Bridge", text)

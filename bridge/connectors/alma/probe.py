"""May the bridge do its work in this Alma? Read-only (alma.md section 1, "Key scopes")."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.connectors.alma.client import AlmaClient, safe
from bridge.connectors.alma.errors import Missing
from bridge.connectors.alma.settings import AlmaSettings
from bridge.domain.finding import Finding, failed, well
from bridge.errors import Rejected


@dataclass(frozen=True)
class Look:
    """One thing to read, and what to do where it cannot be read."""

    subject: str
    path: str
    template: str
    advice: str


AREAS = (
    Look("API key: Bibs", "/bibs/test", "/bibs/test", "Give the API key read/write rights for Bibs."),
    Look(
        "API key: Users",
        "/users/operation/test",
        "/users/operation/test",
        "Give the API key read/write rights for Users.",
    ),
    Look("API key: Configuration", "/conf/test", "/conf/test", "Give the API key read rights for Configuration."),
)


def findings(client: AlmaClient, settings: AlmaSettings) -> tuple[Finding, ...]:
    """One finding a look. Raises ``Unavailable`` and ``CredentialsRejected`` where Alma cannot be asked at all."""
    return tuple(_found(client, look) for look in (*AREAS, *_desk(settings)))


def _desk(settings: AlmaSettings) -> tuple[Look, ...]:
    library, desk = settings.lending_library, settings.lending_desk
    if not library:
        return ()
    path = f"/conf/libraries/{safe(library)}/circ-desks/{safe(desk)}"
    template = "/conf/libraries/{libraryCode}/circ-desks/{circDeskCode}"
    advice = "Correct lending_library and lending_desk, or make the desk in Alma."
    return (Look(f"Lending desk {library}/{desk}", path, template, advice),)


def _found(client: AlmaClient, look: Look) -> Finding:
    try:
        client.look(look.path, look.template)
    except (Rejected, Missing) as refused:
        return failed(look.subject, refused.reason, look.advice)
    return well(look.subject, "Can be read.")

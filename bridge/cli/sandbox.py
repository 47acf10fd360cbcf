"""The command ``sandbox``: the stand-ins on their own, to try a configuration against."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from types import FrameType
from typing import Annotated

import typer

from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.koha import KohaStandIn
from bridge.sandbox.server import Server
from bridge.sandbox.service import ServiceStandIn
from bridge.sandbox.sierra import SierraStandIn
from bridge.sandbox.spydus import SpydusStandIn
from bridge.sandbox.symphony import SymphonyStandIn


def sandbox(
    alma_port: Annotated[int, typer.Option("--alma-port", help="Port of the stand-in Alma; 0 picks a free one.")] = 0,
    sierra_port: Annotated[
        int | None,
        typer.Option("--sierra-port", help="Run a stand-in Sierra too, on this port; 0 picks a free one."),
    ] = None,
    symphony_port: Annotated[
        int | None,
        typer.Option("--symphony-port", help="Run a stand-in Symphony too, on this port; 0 picks a free one."),
    ] = None,
    koha_port: Annotated[
        int | None,
        typer.Option("--koha-port", help="Run a stand-in Koha too, on this port (its SIP2 server on one of its own)."),
    ] = None,
    spydus_port: Annotated[
        int | None,
        typer.Option("--spydus-port", help="Run a stand-in Spydus too, by SIP2 on this port; 0 picks a free one."),
    ] = None,
    service_port: Annotated[
        int, typer.Option("--service-port", help="Port of the stand-in service; 0 picks a free one.")
    ] = 0,
) -> None:
    """Run the stand-ins (Alma, a resource-sharing service; Sierra, Symphony, Koha and Spydus on demand) on loopback until Ctrl-C.

    Example: ill-bridge sandbox --alma-port 8901 --service-port 8902
    """
    stopped = _stopping()
    more = (
        (sierra_port, _tell_sierra),
        (symphony_port, _tell_symphony),
        (koha_port, _tell_koha),
        (spydus_port, _tell_spydus),
    )
    try:
        with ExitStack() as servers:
            _tell_alma(servers, alma_port)
            for port, tell in more:
                if port is not None:
                    tell(servers, port)
            _tell_service(servers, service_port)
            typer.echo("Ctrl-C stops them; everything they hold is forgotten.")
            stopped.wait()
    except OSError as taken:
        typer.echo(f"The stand-ins cannot listen: {taken}. Choose other ports.", err=True)
        raise typer.Exit(1) from taken


def _stopping() -> threading.Event:
    """Set by SIGTERM and SIGINT."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopped


def _tell_alma(servers: ExitStack, port: int) -> None:
    """The stand-in Alma. Raises ``OSError``."""
    alma = AlmaStandIn()
    server = servers.enter_context(Server(alma.app, port=port))
    typer.echo(f"Alma:    {server.url}  (API key: {alma.key}; control and desk under /_sandbox)")


def _tell_service(servers: ExitStack, port: int) -> None:
    """The stand-in service. Raises ``OSError``."""
    service = ServiceStandIn()
    server = servers.enter_context(Server(service.app, port=port))
    typer.echo(f"Service: {server.url}  (feed: /changes, bearer token: {service.token})")


def _tell_sierra(servers: ExitStack, port: int) -> None:
    """A stand-in Sierra beside the others. Raises ``OSError``."""
    sierra = SierraStandIn()
    server = servers.enter_context(Server(sierra.app, port=port))
    typer.echo(
        f"Sierra:  {server.url}/iii/sierra-api  (key {sierra.key}, secret {sierra.secret}; control under /_sandbox)"
    )


def _tell_symphony(servers: ExitStack, port: int) -> None:
    """A stand-in Symphony beside the others. Raises ``OSError``."""
    symphony = SymphonyStandIn()
    server = servers.enter_context(Server(symphony.app, port=port))
    account = f"client id {symphony.client_id}, staff user {symphony.login}, password {symphony.password}"
    typer.echo(f"Symphony: {server.url}/symws  ({account}; control under /_sandbox)")


def _tell_koha(servers: ExitStack, port: int) -> None:
    """A stand-in Koha beside the others, with its SIP2 server. Raises ``OSError``."""
    koha = KohaStandIn()
    server = servers.enter_context(Server(koha.app, port=port))
    koha.sip.start()
    servers.callback(koha.sip.stop)
    account = f"user {koha.user}, secret {koha.password}"
    sip = f"SIP2 on port {koha.sip.port}, login {koha.sip.habits.login}, password {koha.sip.habits.password}"
    typer.echo(f"Koha:    {server.url}  ({account}; {sip}; control under /_sandbox)")


def _tell_spydus(servers: ExitStack, port: int) -> None:
    """A stand-in Spydus beside the others, by SIP2 only. Raises ``OSError``."""
    sip = SpydusStandIn(port=port).server
    sip.start()
    servers.callback(sip.stop)
    account = (
        f"login {sip.habits.login}, password {sip.habits.password}, location and institution {sip.habits.institution}"
    )
    typer.echo(f"Spydus:  SIP2 on 127.0.0.1, port {sip.port}  ({account})")

"""The command ``sandbox``: the stand-ins on their own, to try a configuration against."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Annotated

import typer

from bridge.sandbox.alma import AlmaStandIn
from bridge.sandbox.server import Server
from bridge.sandbox.service import ServiceStandIn


def sandbox(
    alma_port: Annotated[int, typer.Option("--alma-port", help="Port of the stand-in Alma; 0 picks a free one.")] = 0,
    service_port: Annotated[
        int, typer.Option("--service-port", help="Port of the stand-in service; 0 picks a free one.")
    ] = 0,
) -> None:
    """Run the stand-ins (Alma, a resource-sharing service) on loopback until Ctrl-C.

    Example: ill-bridge sandbox --alma-port 8901 --service-port 8902
    """
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    alma, service = AlmaStandIn(), ServiceStandIn()
    try:
        with (
            Server(alma.app, port=alma_port) as alma_server,
            Server(service.app, port=service_port) as service_server,
        ):
            typer.echo(f"Alma:    {alma_server.url}  (API key: {alma.key}; control and desk under /_sandbox)")
            typer.echo(f"Service: {service_server.url}  (feed: /changes, bearer token: {service.token})")
            typer.echo("Ctrl-C stops both; everything they hold is forgotten.")
            stopped.wait()
    except OSError as taken:
        typer.echo(f"The stand-ins cannot listen: {taken}. Choose other ports.", err=True)
        raise typer.Exit(1) from taken

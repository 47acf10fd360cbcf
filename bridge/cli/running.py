"""The command ``run``: the daemon in the foreground, as a service unit or a container starts it."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import structlog
import typer

from bridge import logging, notify
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption
from bridge.daemon import Daemon
from bridge.wiring import configuration

log = structlog.get_logger(__name__)


def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; the step in hand is finished first.

    A fault of the bridge itself in a request, a source's poll or another job stays there. One in what all of them lean on
    (dispatcher, scheduler, web server) ends the daemon with exit code 1, so that whoever supervises it starts it anew.

    Example: ill-bridge run --config /etc/ill-bridge/bridge.toml
    """
    known = configuration(config)
    logging.configure(console=known.settings.log.format == "console", level=known.settings.log.level, for_good=True)
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    faults: list[str] = []

    def failed(fault: threading.ExceptHookArgs) -> None:
        log.critical("thread.failed", thread=getattr(fault.thread, "name", ""), exc_info=fault.exc_value)
        faults.append(fault.exc_type.__name__)
        stopped.set()

    threading.excepthook = failed
    daemon = Daemon(known)
    try:
        daemon.start()
        log.info(
            "daemon.started",
            url=daemon.url,
            health=daemon.health_url,
            metrics=daemon.metrics_url,
            ledger=daemon.ledger.database.shown,
        )
        notify.tell("READY=1", f"STATUS=listens on {daemon.url}")
        stopped.wait()
        log.info("daemon.stopping")
    finally:
        notify.tell("STOPPING=1")
        daemon.stop()
    log.info("daemon.stopped")
    raise typer.Exit(1 if faults else 0)

"""The receiving door, as a web application."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from bridge import __version__
from bridge.domain.arrival import Arrival, ArrivalState
from bridge.errors import RefusedInput
from bridge.ledger import LedgerBusy, Receipt
from bridge.sources.message import Message

log = structlog.get_logger(__name__)
PATIENCE = 30
"""Seconds a sender has for its body."""
AT_ONCE = 40
"""Messages that are taken in at once."""
EVENTS = "/sources/{name}/events"
LONGEST_LENGTH = 18
"""Digits of an announced length that are read as a number."""


class Door(Protocol):
    """A source that receives."""

    name: str
    max_bytes: int

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ``RefusedInput`` for what is not signed as it should be."""
        ...

    def read(self, body: bytes) -> Arrival:
        """What a message says."""
        ...

    def take(self, arrival: Arrival) -> Receipt:
        """Keep and fold it; durable when this returns. Raises ``LedgerBusy``."""
        ...


class Accepted(BaseModel):
    """A message was taken."""

    accepted: bool = True
    id: int = Field(description="Id of the message in our inbox.")
    repeated: bool = Field(description="It had come before; nothing was changed.")
    note: str = Field(default="", description="What staff should know, for instance that its word is not known here.")


class Refused(BaseModel):
    """A message was not taken, or was kept without being understood."""

    error: str
    kept: int | None = Field(default=None, description="Id of the kept message; `ill-bridge replay ID` takes it again.")


ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"model": Accepted, "description": "Taken, durably; or a repeat; or kept because its word is unknown."},
    401: {"model": Refused, "description": "Not signed as it should be. Nothing is kept."},
    404: {"model": Refused, "description": "There is no such source."},
    408: {"model": Refused, "description": "It did not come whole in time. Nothing is kept."},
    413: {"model": Refused, "description": "Too large. Nothing is kept."},
    422: {"model": Refused, "description": "Signed, but not understood. Kept."},
    503: {"model": Refused, "description": "It cannot be kept just now; send it again."},
}


class MainApp(FastAPI):
    """FastAPI, except that events come in before its layers, which take longer than reading what they say."""

    def __init__(self, straight: Route) -> None:
        super().__init__(title="ill-bridge", version=__version__, docs_url=None, redoc_url=None)
        self._straight = straight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "http":
            match, more = self._straight.matches(scope)
            if match is Match.FULL:
                await self._straight.handle({**scope, **more}, receive, send)
                return
        await super().__call__(scope, receive, send)


def make_app(doors: Mapping[str, Door], routers: Sequence[APIRouter] = ()) -> FastAPI:
    """The application of the main address: ``POST /sources/NAME/events``, what else is served there, and its OpenAPI document."""
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="door")

    async def straight(request: Request) -> JSONResponse:
        name = request.path_params["name"]
        door = doors.get(name)
        if door is None:
            return refused(404, f"There is no source '{name}' that receives.")
        received = await body_of(request, door.max_bytes)
        if isinstance(received, JSONResponse):
            return received
        return await asyncio.get_running_loop().run_in_executor(threads, receive, door, dict(request.headers), received)

    app = MainApp(Route(EVENTS, straight, methods=["POST"]))
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}, "required": True}

    @app.post(
        EVENTS,
        status_code=202,
        response_model=Accepted,
        responses=ANSWERS,
        openapi_extra={"requestBody": body},
    )
    async def events(name: str, request: Request) -> JSONResponse:  # noqa: ARG001 - for the document
        """Take one event of a request."""
        return await straight(request)

    for router in routers:
        app.include_router(router)
    _with_message(app)
    return app


def make_watching_app(routers: Sequence[APIRouter]) -> FastAPI:
    """The application of an address where health or metrics are served alone."""
    app = FastAPI(title="ill-bridge", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    for router in routers:
        app.include_router(router)
    return app


def receive(door: Door, headers: Mapping[str, str], body: bytes) -> JSONResponse:
    """Verify, understand, keep; answered only after the commit."""
    try:
        door.verify(headers, body)
    except RefusedInput as problem:
        log.warning("door.refused", source=door.name, why=str(problem))
        return refused(401, str(problem))
    arrival = door.read(body)
    try:
        receipt = door.take(arrival)
    except LedgerBusy as busy:
        log.critical("ledger.busy", source=door.name, why=str(busy))
        return refused(503, "The message cannot be kept just now; send it again.", {"Retry-After": "5"})
    if arrival.state is ArrivalState.MALFORMED:
        log.warning("door.malformed", source=door.name, why=arrival.problem, kept=receipt.inbox_id)
        return refused(422, arrival.problem, kept=receipt.inbox_id)
    log.info("door.accepted", source=door.name, inbox=receipt.inbox_id, repeated=receipt.repeated)
    note = arrival.problem if arrival.state is ArrivalState.UNKNOWN_WORD else ""
    accepted = Accepted(id=receipt.inbox_id, repeated=receipt.repeated, note=note)
    return JSONResponse(accepted.model_dump(), status_code=202)


def refused(
    status: int, error: str, headers: Mapping[str, str] | None = None, *, kept: int | None = None
) -> JSONResponse:
    """An answer that says no, and why."""
    return JSONResponse(Refused(error=error, kept=kept).model_dump(), status_code=status, headers=headers)


async def body_of(request: Request, most: int) -> bytes | JSONResponse:
    """The raw body; the refusal where it does not come whole in time, or is larger than it may be."""
    try:
        async with asyncio.timeout(PATIENCE):
            received = await _raw_body(request, most)
    except (TimeoutError, ClientDisconnect):
        return refused(408, f"The message did not come whole within {PATIENCE} seconds; send it again.")
    return refused(413, f"The message is larger than {most} bytes.") if received is None else received


async def _raw_body(request: Request, most: int) -> bytes | None:
    """Nothing as soon as it is larger than it may be."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > LONGEST_LENGTH or int(announced) > most):
        return None
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            return None
    return bytes(received)


def _with_message(app: FastAPI) -> None:
    """Put the message's schema into the OpenAPI document, since the raw body is read (the signature is over its bytes)."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        schema = Message.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas |= {**schema.pop("$defs", {}), "Message": schema}
        return document

    app.openapi = openapi  # type: ignore[method-assign]

"""``/ils/NAME/loans``: an ILS tells of loans. What is not about an item of ours is dropped at once: not kept, not counted, not logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from bridge.errors import RefusedInput
from bridge.ledger import LedgerBusy
from bridge.web.app import Refused, body_of, refused

log = structlog.get_logger(__name__)


class LoanDoor(Protocol):
    """Where an ILS tells of loans."""

    name: str
    max_bytes: int

    def challenge(self, query: Mapping[str, str]) -> Mapping[str, str] | None:
        """What a question whether somebody listens is answered with."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises ``RefusedInput`` for what is not signed as it should be."""
        ...

    def take(self, body: bytes) -> None:
        """Have our request looked at, durably; drop everybody else's. Raises ``RefusedInput``, ``LedgerBusy``."""
        ...


class Heard(BaseModel):
    """An event was taken; whether it was about an item of ours is not told."""

    accepted: bool = Field(default=True)


ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refused, "description": "Not signed as it should be."},
    404: {"model": Refused, "description": "This ILS tells of no loans here."},
    408: {"model": Refused, "description": "It did not come whole in time."},
    413: {"model": Refused, "description": "Too large."},
    422: {"model": Refused, "description": "Signed, but no event."},
    503: {"model": Refused, "description": "It cannot be kept just now; send it again."},
}


def loans_router(doors: Mapping[str, LoanDoor]) -> APIRouter:
    """The doors of all ILSs that tell of loans."""
    router = APIRouter()

    @router.get("/ils/{name}/loans", response_model=dict[str, str], responses={404: ANSWERS[404]})
    def challenge(name: str, request: Request) -> JSONResponse:
        """Answer the question whether somebody listens."""
        answer = doors[name].challenge(request.query_params) if name in doors else None
        return (
            JSONResponse(dict(answer)) if answer is not None else refused(404, f"No loans of '{name}' are heard here.")
        )

    @router.post("/ils/{name}/loans", response_model=Heard, responses=ANSWERS)
    async def loans(name: str, request: Request) -> JSONResponse:
        """Take one event of a loan."""
        door = doors.get(name)
        if door is None:
            return refused(404, f"No loans of '{name}' are heard here.")
        received = await body_of(request, door.max_bytes)
        if isinstance(received, JSONResponse):
            return received
        return await run_in_threadpool(hear, door, dict(request.headers), received)

    return router


def hear(door: LoanDoor, headers: Mapping[str, str], body: bytes) -> JSONResponse:
    """Verify, then have our request looked at; answered only after the commit. Nothing of a body stands in a log."""
    try:
        door.verify(headers, body)
    except RefusedInput as problem:
        log.warning("door.refused", source=door.name, why=str(problem))
        return refused(401, str(problem))
    try:
        door.take(body)
    except RefusedInput as problem:
        log.warning("door.no_event", source=door.name, why=str(problem))
        return refused(422, str(problem))
    except LedgerBusy as busy:
        log.critical("ledger.busy", source=door.name, why=str(busy))
        return refused(503, "The event cannot be kept just now; send it again.", {"Retry-After": "5"})
    return JSONResponse(Heard().model_dump())

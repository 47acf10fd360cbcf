"""Whether the bridge lives, and whether work can go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from bridge.web.access import Guard


class Part(BaseModel):
    """One part of readiness: the ledger, a lane, a library, a source."""

    name: str
    ready: bool
    state: Literal["ok", "down", "held"] = Field(
        default="ok", description="held: staff paused it, which is no fault; or it stopped at its quota of deletions."
    )
    why: str = ""
    since: datetime | None = None
    until: datetime | None = Field(default=None, description="When a pause ends by itself.")


class Readiness(BaseModel):
    """Whether work can go on."""

    ready: bool
    parts: tuple[Part, ...] = Field(
        default=(), description="Only for those who bear the token, or ask on a loopback address of health's own."
    )


class Alive(BaseModel):
    """The process lives."""

    status: Literal["alive"] = "alive"


def health_router(readiness: Callable[[], Readiness], guard: Guard, *, details: bool) -> APIRouter:
    """``/healthz`` and ``/readyz``; ``details`` says whether whoever gets past the guard is told the parts."""
    router = APIRouter()
    refused: dict[int | str, dict[str, Any]] = {401: {"description": "A token is needed."}}

    @router.get("/healthz", response_model=Alive, responses=refused)
    def healthz(request: Request) -> JSONResponse:
        """The process lives."""
        return guard.refusal(request) or JSONResponse(Alive().model_dump())

    @router.get("/readyz", response_model=Readiness, responses=refused | {503: {"model": Readiness}})
    def readyz(request: Request) -> JSONResponse:
        """Whether ledger, lanes, libraries and sources are as they should be; a pause by staff is."""
        refusal = guard.refusal(request)
        if refusal is not None:
            return refusal
        found = readiness()
        told = found.model_dump(mode="json") if details else {"ready": found.ready}
        return JSONResponse(told, status_code=200 if found.ready else 503)

    return router

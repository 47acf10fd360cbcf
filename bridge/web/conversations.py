"""``/iso18626/NAME``: ISO 18626 messages, each answered with its confirmation in the same response."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from bridge.errors import RefusedInput
from bridge.web.app import AT_ONCE, Refused, body_of, refused
from bridge.web.posts import Post, Said

log = structlog.get_logger(__name__)
MEDIA_TYPES = ("application/xml", "text/xml")
FORWARDED = "x-forwarded-for"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="ill-bridge"'}


class ConversationDoor(Protocol):
    """A source that takes part in ISO 18626 conversations."""

    name: str
    max_bytes: int

    def admit(self, address: str, headers: Mapping[str, str]) -> None:
        """Raises ``RefusedInput`` for somebody whom neither credentials in headers nor an address can make known."""
        ...

    def answer(self, post: Post) -> Said:
        """Take it and answer it; durable when this returns. Raises ``RefusedInput`` for somebody who is not known after all."""
        ...


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/xml": {}}, "description": "The confirmation: OK or ERROR."},
    400: {"model": Refused, "description": "No XML, or no message of ISO 18626. Kept."},
    401: {"model": Refused, "description": "Nobody known here. Nothing is kept."},
    404: {"model": Refused, "description": "There is no such source."},
    408: {"model": Refused, "description": "It did not come whole in time. Nothing is kept."},
    413: {"model": Refused, "description": "Too large. Nothing is kept."},
    415: {"model": Refused, "description": "Neither application/xml nor text/xml. Nothing is kept."},
    500: {"model": Refused, "description": "It cannot be kept just now; send it again."},
    502: {"model": Refused, "description": "A relay could not reach the peer; send it again."},
    504: {"model": Refused, "description": "The peer did not answer a relay in time; send it again."},
}


def conversations_router(doors: Mapping[str, ConversationDoor]) -> APIRouter:
    """The doors of all ISO 18626 sources, each with threads of its own: a relay waits for its peers, and nobody else shall."""
    router = APIRouter()
    threads = {name: ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"iso18626-{name}") for name in doors}
    body = {"content": {"application/xml": {}, "text/xml": {}}, "required": True}

    @router.post(
        "/iso18626/{name}",
        response_class=Response,
        responses=ANSWERS,
        openapi_extra={"requestBody": body},
    )
    async def converse(name: str, request: Request) -> Response:
        """Take one message: request, supplyingAgencyMessage or requestingAgencyMessage."""
        door = doors.get(name)
        if door is None:
            return refused(404, f"There is no source '{name}' that speaks ISO 18626.")
        address, headers = request.client.host if request.client else "", _headers(request)
        try:
            door.admit(address, headers)
        except RefusedInput as problem:
            return _stranger(door, problem)
        if not headers.get("content-type", "").strip().lower().startswith(MEDIA_TYPES):
            return refused(415, f"The Content-Type must be {' or '.join(MEDIA_TYPES)}.")
        received = await body_of(request, door.max_bytes)
        if isinstance(received, JSONResponse):
            return received
        post = Post(address, headers, received)
        return await asyncio.get_running_loop().run_in_executor(threads[name], _answered, door, post)

    return router


def _headers(request: Request) -> Mapping[str, str]:
    """By lower-case names; a proxy may write its X-Forwarded-For as a line of its own below the one that the caller made up."""
    forwarded = {FORWARDED: ", ".join(request.headers.getlist(FORWARDED))} if FORWARDED in request.headers else {}
    return {**request.headers, **forwarded}


def _answered(door: ConversationDoor, post: Post) -> Response:
    try:
        said = door.answer(post)
    except RefusedInput as problem:
        return _stranger(door, problem)
    if said.error:
        return refused(said.status, said.error, said.headers, kept=said.kept)
    return Response(said.body, said.status, dict(said.headers), said.media_type or None)


def _stranger(door: ConversationDoor, problem: RefusedInput) -> JSONResponse:
    log.warning("door.refused", source=door.name, why=str(problem))
    return refused(401, str(problem), CHALLENGE)

"""``/metrics``, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from bridge.web.access import Guard

Exposition = Callable[[str], tuple[bytes, str]]
"""The figures in the format an ``Accept`` header asks for, and their content type."""


def metrics_router(exposition: Exposition, guard: Guard) -> APIRouter:
    """``/metrics``."""
    router = APIRouter()

    @router.get("/metrics", response_class=Response, responses={401: {"description": "A token is needed."}})
    def metrics(request: Request) -> Response:
        """Figures for Prometheus."""
        refusal = guard.refusal(request)
        if refusal is not None:
            return refusal
        text, content_type = exposition(request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return router

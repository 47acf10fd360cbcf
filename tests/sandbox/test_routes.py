from __future__ import annotations

import pytest
from flask import url_for

from bridge.sandbox.routes import StandInApp


def test_routes_are_found_and_no_address_is_built() -> None:
    app = StandInApp("shelf")
    app.add_url_rule("/shelf/<int:number>", view_func=lambda number: f"shelf {number}", endpoint="shelf")
    assert app.test_client().get("/shelf/7").text == "shelf 7"
    assert app.test_client().get("/static/thing").status_code == 404
    with app.test_request_context(), pytest.raises(NotImplementedError, match="found, not built"):
        url_for("shelf", number=7)

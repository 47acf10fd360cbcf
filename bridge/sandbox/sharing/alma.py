"""A stand-in of Alma's resource sharing API: the lending task list (a hundred rows, no pages), requests one by one.

Source: Ex Libris's OpenAPI for task-lists, partners and users; recorded answers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, request

from bridge.sandbox.routes import StandInApp
from bridge.sandbox.sharing.shelf import Row, Shelf

MOST = 100


class AlmaSharingStandIn:
    """One Alma on loopback. Rows of the ``shelf`` hold ``side``, ``library`` (lending) or ``user`` (borrowing), and the request.

    ``off_list`` names requests that the task list no longer shows, though they can be had.
    """

    def __init__(self, *, key: str = "l8xx-sharing") -> None:
        self.shelf = Shelf()
        self.off_list: set[str] = set()
        self._key = key
        self.app = StandInApp("alma-sharing")
        add = self.app.add_url_rule
        add("/almaws/v1/task-lists/rs/lending-requests", view_func=self._tasks)
        add("/almaws/v1/partners/<partner>/lending-requests/<name>", view_func=self._lending)
        add("/almaws/v1/users/<user>/requests", view_func=self._of_user)
        add("/almaws/v1/users/<user>/resource-sharing-requests/<name>", view_func=self._borrowing)
        self.app.before_request(self._let_in)

    def _let_in(self) -> tuple[Response, int] | None:
        self.shelf.asked.append({"path": request.path, **dict(request.args)})
        return (
            None
            if request.headers.get("Authorization") == f"apikey {self._key}"
            else (self._error("UNAUTHORIZED"), 401)
        )

    def _tasks(self) -> Response | tuple[Response, int]:
        library, status = request.args.get("library"), request.args.get("status")
        if not library:
            return self._error("401873"), 400
        rows = [
            self._told(name, at, row)
            for name, at, row in self.shelf.since(None)
            if row.get("side") == "lending" and row.get("library") == library and name not in self.off_list
        ]
        rows = [row for row in rows if status in {None, row["status"]["value"]}]
        if not rows:
            return jsonify(total_record_count=0)
        return jsonify(user_resource_sharing_request=rows[:MOST], total_record_count=len(rows))

    def _lending(self, partner: str, name: str) -> Response | tuple[Response, int]:
        row = self.shelf.row(name)
        if row is None or row.get("partner", {}).get("value") != partner:
            return self._error("40166450"), 400
        return jsonify(self._told(name, self.shelf.time(name), row))

    def _of_user(self, user: str) -> Response:
        names = [
            name for name, _, row in self.shelf.since(None) if row.get("user") == user and name not in self.off_list
        ]
        link = f"{request.host_url}almaws/v1/users/{user}/resource-sharing-requests"
        rows: list[Row] = [{"request_id": f"h{name}", "resource_sharing": {"link": f"{link}/{name}"}} for name in names]
        return jsonify(user_request=[{"request_id": "h0"}, *rows], total_record_count=len(rows) + 1)

    def _borrowing(self, user: str, name: str) -> Response | tuple[Response, int]:
        row = self.shelf.row(name)
        if row is None or row.get("user") != user:
            return self._error("40166450"), 400
        return jsonify(self._told(name, self.shelf.time(name), row))

    @staticmethod
    def _told(name: str, at: datetime, row: Row) -> Row:
        told: dict[str, Any] = {
            field: value for field, value in row.items() if field not in {"side", "library", "user", "status"}
        }
        moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
        return {**told, "request_id": name, "status": {"value": row.get("status")}, "last_modified_time": moment}

    @staticmethod
    def _error(code: str) -> Response:
        said = {
            "errorCode": code,
            "errorMessage": "No resource sharing request matches." if code == "40166450" else code,
        }
        return jsonify(errorsExist=True, errorList={"error": [said]})

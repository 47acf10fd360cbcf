"""Alma's error bodies in all the shapes that clients have met (reference: alma.md, "Error envelope")."""

import json
from xml.sax.saxutils import escape

from flask import Response

NAMESPACE = "http://com/exlibris/urm/general/xmlbeans"

GENERAL = "General Error - An error has occurred while processing the request."


class AlmaError(Exception):
    """An answer of Alma that is an error; `transient` marks what a repeat may cure."""

    def __init__(self, code: str, message: str, *, status: int = 400, transient: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.transient = transient


def missing(name: str) -> AlmaError:
    """401664, worded as recorded (php_error_response.json)."""
    return AlmaError("401664", f"Mandatory field is missing: {name}")


def general() -> AlmaError:
    """401652."""
    return AlmaError("401652", GENERAL)


def bad_mms(mms_id: str) -> AlmaError:
    """402204 or 402203: Alma tells apart what is no number and what is no record."""
    if not mms_id.isdigit():
        return AlmaError("402204", f"Input parameters mmsId {mms_id} is not numeric.")
    return AlmaError("402203", f"Input parameters mmsId {mms_id} is not valid.")


def error_response(error: AlmaError, *, shape: str, tracking: str) -> Response:
    """The error in one of the shapes: list, single, wrapped (JSON) or xml."""
    if shape == "xml":
        return Response(_xml(error, tracking), status=error.status, content_type="application/xml;charset=UTF-8")
    body = _json(error, shape, tracking)
    return Response(json.dumps(body), status=error.status, content_type="application/json;charset=UTF-8")


def _json(error: AlmaError, shape: str, tracking: str) -> dict[str, object]:
    one = {"errorCode": error.code, "errorMessage": error.message}
    if error.code != "PER_SECOND_THRESHOLD":  # recorded without trackingId
        one["trackingId"] = tracking
    several: object = one if shape in {"single", "wrapped"} else [one]
    envelope: dict[str, object] = {"errorsExist": True, "errorList": {"error": several}, "result": None}
    return {"web_service_result": envelope} if shape == "wrapped" else envelope


def _xml(error: AlmaError, tracking: str) -> str:
    """Text is escaped, except for an ampersand inside a URL, which Alma leaves as it is (VuFind met that)."""
    message = escape(error.message)
    if "http" in message:
        message = message.replace("&amp;", "&")
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<web_service_result xmlns="{NAMESPACE}"><errorsExist>true</errorsExist><errorList><error>'
        f"<errorCode>{escape(error.code)}</errorCode><errorMessage>{message}</errorMessage>"
        f"<trackingId>{tracking}</trackingId></error></errorList></web_service_result>"
    )

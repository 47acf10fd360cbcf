"""Sierra's error envelope and the refusals that clients have met (sierra.md, sections 3 and 6)."""

from flask import Response, jsonify


class SierraError(Exception):
    """An answer of Sierra that is an error; `transient` marks what a repeat may cure."""

    def __init__(
        self,
        code: int,
        status: int,
        name: str,
        description: str = "",
        *,
        specific: int = 0,
        transient: bool = False,
        details: dict[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code}: {name} {description}")
        self.code = code
        self.status = status
        self.name = name
        self.description = description
        self.specific = specific
        self.transient = transient
        self.details = details


def not_found(*, transient: bool = False) -> SierraError:
    """107: for single records and for empty lists alike."""
    return SierraError(107, 404, "Record not found", transient=transient)


def invalid(description: str) -> SierraError:
    """108."""
    return SierraError(108, 400, "Invalid parameter", f"Invalid parameter : {description}")


def bad_body(description: str) -> SierraError:
    """115: the body is no JSON, or a field of it is unknown or of the wrong type."""
    return SierraError(115, 400, "Bad JSON/XML Syntax", description)


def xcirc(text: str, *, specific: int = 2, transient: bool = False) -> SierraError:
    """132: a refusal of circulation, worded as HTTP 500."""
    return SierraError(132, 500, "XCirc error", f"XCirc error : {text}", specific=specific, transient=transient)


NOT_AVAILABLE = "This record is not available"
LIBRARY_RECORD = "There is a problem with your library record.  Please see a librarian."
ON_HOLD_ALREADY = "Request denied - already on hold for or checked out to you."
SENT_ALREADY = "Your request has already been sent."
NOT_LOADED = "Bib record cannot be loaded"


def error_response(error: SierraError) -> Response:
    """The envelope; `description` is missing where there is none."""
    body: dict[str, object] = {
        "code": error.code,
        "specificCode": error.specific,
        "httpStatus": error.status,
        "name": error.name,
    }
    if error.description:
        body["description"] = error.description
    if error.details is not None:
        body["details"] = error.details
    answer = jsonify(body)
    answer.status_code = error.status
    return answer

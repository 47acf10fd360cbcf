"""Symphony's error body, and the refusals that clients have met (symphony.md, sections 6 and 7).

Codes from ``hatErrorResponse.9000`` on are OURS: the reference knows that Symphony refuses, and by which prompt, not the number of its
message. So are the codes without a number other than those of section 7. No client may know one by its number.
"""

from dataclasses import dataclass

from flask import Response, jsonify

HAT = "hatErrorResponse."
BUSY, DUPLICATE_HOLD, NOT_IN_CATALOGUE = f"{HAT}116", f"{HAT}722", f"{HAT}7"
RENEWALS_USED, RECALLED, HAS_HOLDS = f"{HAT}141", f"{HAT}105", f"{HAT}252"

BLOCKS = "CKOBLOCKS"
NOT_CHARGEABLE = "CIRC_NONCHARGEABLE_OVRCD"
HELD_FOR_OTHERS = "CIRC_HOLDS_OVRCD"
NO_HOLDS = "HOLD_NO_HOLDS_OVRCD"
GROUP = "GROUP_PROMPT"


@dataclass(frozen=True)
class Prompt:
    """A question that the same call may answer in SD-Prompt-Return; `data` where it wants a value with it."""

    kind: str
    data: str = ""


class SymphonyError(Exception):
    """An answer of Symphony that is an error; `transient` marks what a repeat may cure."""

    def __init__(
        self, code: str, message: str, *, status: int = 500, prompt: Prompt | None = None, transient: bool = False
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.prompt = prompt
        self.transient = transient


def timed_out() -> SymphonyError:
    """401: no session, one that lay idle, or one from before the web services were started anew."""
    return SymphonyError("sessionTimedOut", "The session has timed out.", status=401, transient=True)


def not_found(what: str) -> SymphonyError:
    """404; the name of the code is from memory in the reference."""
    return SymphonyError("recordNotFound", f"Could not find a(n) {what}.", status=404)


def bad_key(key: str) -> SymphonyError:
    """A key that cannot be one, such as a catalogue key with its letter."""
    return SymphonyError("keyParseError", f"Could not parse key: {key}", status=400)


def bad_body(text: str) -> SymphonyError:
    """What cannot be read or does not fit; the code is ours."""
    return SymphonyError("unableToParse", text, status=400)


def busy() -> SymphonyError:
    """116: the record is in use; to be tried again."""
    return SymphonyError(BUSY, "Record in use by another user", transient=True)


def refused(number: int, message: str, prompt: Prompt | None = None) -> SymphonyError:
    """A refusal whose number is ours, of 9000 and more; HTTP 500 as every refusal of circulation is."""
    return SymphonyError(f"{HAT}{number}", message, prompt=prompt)


def hat(code: str, message: str, prompt: Prompt | None = None) -> SymphonyError:
    """A refusal whose number the reference knows."""
    return SymphonyError(code, message, prompt=prompt)


FOREIGN = "Die Aktion wurde abgewiesen."


def error_response(error: SymphonyError, describe_uri: str = "", *, foreign: bool = False) -> Response:
    """The body of section 6; `foreign`: its message in another language."""
    message = FOREIGN if foreign else error.message
    body: dict[str, object] = {"messageList": [{"code": error.code, "message": message}]}
    if describe_uri:
        body["describeUri"] = describe_uri
    if error.prompt is not None:
        asked: dict[str, object] = {"promptType": error.prompt.kind, "recommendedAction": "override"}
        asked |= {"promptRequiresData": bool(error.prompt.data), "promptDataType": error.prompt.data or None}
        body |= {"promptRequired": True, "dataMap": asked}
    answer = jsonify(body)
    answer.status_code = error.status
    return answer

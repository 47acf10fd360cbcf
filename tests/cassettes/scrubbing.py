"""Takes keys, patron ids and names out of an exchange before anything touches the disk."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PERSONAL = re.compile(
    r"name|email|phone|address|birth|gender|password|pin_|note|identifier|photo|statistic|contact|created_by|modified_by|preferred",
    re.IGNORECASE,
)
"""Fields of an answer that may say something of a person; of a user only the fields named in ``USER`` are kept at all."""
USER = frozenset({"primary_id", "status", "expiry_date", "user_block", "user_role", "record_type"})
KEPT_NOTES = frozenset({"internal_note_1", "internal_note_2", "internal_note_3", "public_note", "fulfillment_note"})
OUR_MARK = re.compile(r"ILLB-[0-9a-f]{16}")
"""A note that holds it was written by us, and the connector looks for it."""
TOKENS = frozenset({"access_token", "sessionToken"})
KEPT_HEADERS = frozenset({"content-type", "location", "retry-after", "x-exl-api-remaining"})
SENT_HEADERS = frozenset({"accept", "content-type"})


@dataclass(frozen=True)
class Scrubber:
    """Replaces literal texts (secret or personal → harmless) and drops personal fields."""

    replacements: Mapping[str, str]

    def text(self, value: str) -> str:
        """The text with every known secret replaced, longest first."""
        for secret in sorted(self.replacements, key=len, reverse=True):
            value = value.replace(secret, self.replacements[secret])
        return value

    def body(self, body: bytes) -> bytes:
        """A body without personal fields; what is not JSON or XML only has its literals replaced."""
        text = self.text(body.decode("utf-8", errors="replace"))
        if text.lstrip().startswith("<"):
            return _personal_elements.sub(r"<\1>x</\1>", text).encode()
        try:
            return json.dumps(self._cleaned(json.loads(text)), ensure_ascii=False, sort_keys=True).encode()
        except ValueError:
            return text.encode()

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._cleaned(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "primary_id" in value:
            value = {name: each for name, each in value.items() if name in USER}
        return {
            name: "scrubbed" if name in TOKENS else self._cleaned(each)
            for name, each in value.items()
            if name in KEPT_NOTES or not PERSONAL.search(name) or OUR_MARK.search(str(each))
        }

    def request(self, request: Any) -> Any:
        """For vcrpy's ``before_record_request``."""
        request.uri = self.text(request.uri)
        request.headers = {name: each for name, each in request.headers.items() if name.lower() in SENT_HEADERS}
        if request.body:
            request.body = self.body(request.body)
        return request

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        """For vcrpy's ``before_record_response``."""
        headers = response["headers"].items()
        kept = {name: [self.text(each) for each in values] for name, values in headers if name.lower() in KEPT_HEADERS}
        return {**response, "headers": kept, "body": {"string": self.body(response["body"]["string"])}}


_personal_elements = re.compile(r"<(created_by|last_modified_by|originating_system_id)>[^<]*</\1>")

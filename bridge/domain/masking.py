"""A vendor's own words as people may see them: what may name a person is hidden. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "…"
LONGEST = 300
"""Signs that are quoted."""
MOST_LINES = 4
"""Line ends beyond which text is data and no sentence."""
_ADDRESS = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/?#\"'<>]+)[^\s\"'<>]*", re.IGNORECASE)
_MAIL = re.compile(r"[^\s@,;:()<>\"'=]+@[^\s@,;:()<>\"'=]+")
_SECRET = re.compile(
    r"\b(api_?key|access_token|token|secret|pass(?:word|wd)?|pwd|pin|sig(?:nature)?|authorization)(\s*[:=]\s*)"
    r"(?:(?:bearer|basic|apikey)\s+)?[^\s&,;]+",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"(\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|“[^”]*”|\[[^\]]*\]|\{[^}]*\})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBERED = re.compile(r"\b(?=[^\W\d]*\d)[\w./+-]*\w{5,}[\w./+-]*")
_PLAIN = (
    "a an and are at be because been by can cannot could did do does doesn't for from given had has have if in inactive invalid is it may "
    "must no not of on or record records required reached should that the this to unknown was were which will with without"
)
"""Words that are no name although they stand behind one of those in the next line."""
_NAMED = re.compile(
    r"\b((?:users?|patrons?|borrowers?|identifier|login|barcode|name|id|account)(?:\s+(?:id|identifier|name|barcode))?)(\s*[:=]\s*|\s+)"
    rf"(?!(?:{_PLAIN.replace(' ', '|')})\b)[^\s,;:]+",
    re.IGNORECASE,
)
_NAMES = re.compile(r"\b[^\W\d_a-z][\w'’-]+(?:[ ,.]+[^\W\d_a-z][\w'’.-]*)+")


def vendor_words(text: str) -> str:
    """The words without addresses, secrets, quoted text, identifiers and names, at most 300 signs of them; nothing of what is data.

    Nobody can tell every name from a word, so more is hidden than need be: the vendor's code, which stands beside, says what it was.
    """
    words = " ".join(text.split())
    if words.startswith(("{", "[", "<")) or "|" in words or text.strip().count("\n") > MOST_LINES:
        return ""
    words = without_secrets(words)
    for pattern, instead in ((_QUOTED, HIDDEN), (_NAMES, HIDDEN), (_NAMED, rf"\1\2{HIDDEN}")):
        words = pattern.sub(instead, words)
    words = _NUMBERED.sub(lambda found: found[0] if _DAY.fullmatch(found[0]) else HIDDEN, words)
    return words[:LONGEST].rstrip()


def without_secrets(text: str) -> str:
    """The text without what follows the host in addresses, without mail addresses, and without values that are named as secrets."""
    if "://" in text:
        text = _ADDRESS.sub(rf"\1/{HIDDEN}", text)
    if ":" in text or "=" in text:
        text = _SECRET.sub(rf"\1\2{HIDDEN}", text)
    return _MAIL.sub(HIDDEN, text) if "@" in text else text


def without_patron(text: str, identifiers: Iterable[str]) -> str:
    """The text with each identifier, plain or as a URL spells it, and every e-mail address hidden.

    An identifier is replaced where it stands as a word of its own, whatever its case.
    """
    spelled = {way(each) for each in identifiers if each for way in (str, _in_path, quote_plus)}
    if spelled:
        any_of = "|".join(re.escape(each) for each in sorted(spelled, key=len, reverse=True))
        text = re.sub(rf"(?<!\w)(?:{any_of})(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
    return _MAIL.sub(HIDDEN, text)


def _in_path(identifier: str) -> str:
    return quote(identifier, safe="")

"""A vendor's own words, without what may name a person."""

from __future__ import annotations

import pytest

from bridge.domain.masking import vendor_words, without_patron, without_secrets


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("User with identifier mrioaaa was not found.", "User with identifier … was not found."),
        ("Patron Jane Doe has expired", "… has expired"),
        ("Doe, Jane owes 5.00", "… owes 5.00"),
        ("user doe not found", "user … not found"),
        ("user: doe", "user: …"),
        ("MÜLLER, Jürgen is blocked", "… is blocked"),
        ("write to jdoe@example.org", "write to …"),
        ("the item 'of Jane' and \"of Joe\" [of Jim]", "the item … and … …"),
        ("see https://x.example/users/jane?apikey=l8xx now", "see https://x.example/… now"),
        ("password=abc; token: Bearer xyz", "password=…; token: …"),
        ("No items found for barcode 123.", "No items found for barcode …"),
        ("item 31234000012345 is on loan until 2026-11-24", "item … is on loan until 2026-11-24"),
        ("The request id was not found", "The request id was not found"),
        ("it doesn't fit the library's policy", "it doesn't fit the library's policy"),
        ("Mandatory field is missing: library", "Mandatory field is missing: library"),
        ('{"first_name": "Jane"}', ""),
        ("[1]", ""),
        ("<user>Jane</user>", ""),
        ("64 Y|AAreader1|AEReader One", ""),
        ("a\nb\nc\nd\ne\nf", ""),
        ("", ""),
        ("no " * 200, ("no " * 100).strip()),
    ],
)
def test_what_is_shown(said: str, shown: str) -> None:
    assert vendor_words(said) == shown
    assert vendor_words(shown) == shown


def test_our_own_sentences_lose_secrets_only() -> None:
    said = (
        "Alma knows no item with barcode 31234000012345. See http://alma.example:8018/users/jane?apikey=k and a@b.org"
    )
    assert without_secrets(said) == (
        "Alma knows no item with barcode 31234000012345. See http://alma.example:8018/… and …"
    )


@pytest.mark.parametrize(
    ("text", "identifiers", "kept"),
    [
        ("Patron P1001 is unknown", ["P1001"], "Patron … is unknown"),
        ("patron p1001: p1001!", ["P1001"], "patron …: …!"),
        ("P10011 and XP1001 are others", ["P1001"], "P10011 and XP1001 are others"),
        ("GET /users/a%2Fb%40x.org failed", ["a/b@x.org"], "GET /users/… failed"),
        ("user=Ann+Lee", ["Ann Lee"], "user=…"),
        ("Write to jo.doe@lib.example.org, please", [], "Write to …, please"),
        ("Nobody is named", ["", "P1001"], "Nobody is named"),
        ("p1001@home and P1001", ["P1001", "P1001@home"], "… and …"),
    ],
)
def test_a_patron_is_named_nowhere(text: str, identifiers: list[str], kept: str) -> None:
    assert without_patron(text, identifiers) == kept

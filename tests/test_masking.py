"""Every real payload that we have is said to the bridge in every way that a vendor or a service can: what people see names nobody."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import structlog
import yaml
from lxml import etree

from bridge import logging
from bridge.alerts.digest import digest
from bridge.alerts.facts import Facts
from bridge.alerts.settings import AlertSettings
from bridge.cli.exporting import _as_csv
from bridge.connectors.alma.errors import Endpoint, error_of, nonsense
from bridge.domain.change import Phase
from bridge.errors import BridgeError, IlsError, Rejected
from bridge.http import Answer
from bridge.ledger import State
from bridge.metrics import LedgerGauges, Metrics
from bridge.sources import message
from bridge.sources.feed import FeedSettings, FeedSource
from tests.checks.build import known
from tests.databases import migrate
from tests.engine.pretend import Stage
from tests.reference import REFERENCE, needs_reference

pytestmark = needs_reference
KINDS = {".json", ".xml", ".txt", ".html", ".yaml"}
PERSONAL = re.compile(
    r"(first|last|middle|full|user|patron|preferred)_?-?name|user_?id(entifier)?|primary_id|user_primary_id|email(_address)?|address_?line.*|"
    r"(address|line)[1-4]|street.*|city|phone(_number)?|mobile|surname|firstname|givenname|cardnumber|patron_?id|patron_?barcode|"
    r"useridentifiervalue|unstructuredpersonalusername|structuredpersonalusername|electronicaddressdata|unstructuredaddressdata|"
    r"authenticationinputdata|patronid|emailaddress|login|username|pin|password|barcodes|names|emails|apikey|api_key|access_token|"
    r"client_secret|requesting_?user|birth_?date|date_?of_?birth",
    re.IGNORECASE,
)
SIP2 = re.compile(r"(?:\||\d)(AA|AE|BD|BE|BF|AD|CO|CN|PB)([^|\r\n<]+)")
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
NO_PERSON = frozenset(
    ["true", "false", "null", "string", "none", "user", "patron", "name", "unknown", "required", "home", "nothing"]
) | {"line 1", "line 2"}
"""Words of examples that stand in sentences of any kind."""


@cache
def payloads() -> tuple[tuple[str, bytes], ...]:
    found = []
    for path in sorted(REFERENCE.rglob("*")):
        if path.suffix in KINDS and path.is_file() and path.stat().st_size < 200_000:
            found += list(_bodies(path))
    return tuple(found)


def _bodies(path: Path) -> Iterator[tuple[str, bytes]]:
    name = str(path.relative_to(REFERENCE))
    if path.suffix != ".yaml":
        yield name, path.read_bytes()
    elif "recorded" in path.parts:
        for number, each in enumerate(yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]):
            for side in ("request", "response"):
                body = each[side]["body"]
                text = body.get("string") if isinstance(body, dict) else body
                if text:
                    yield f"{name}#{number} {side}", text if isinstance(text, bytes) else str(text).encode()


@cache
@cache
def persons(body: bytes) -> frozenset[str]:
    """What in a payload names, or lets in, a person."""
    text = body.decode("utf-8", errors="replace")
    found = set(MAIL.findall(text))
    if text.startswith("#"):
        wire = "\n".join(line for line in text.splitlines() if line.startswith(("> ", "< ")))
        found |= {value for _, value in SIP2.findall(wire)}
    try:
        found |= set(_in_json(json.loads(text), ""))
    except ValueError:
        root = etree.fromstring(body, etree.XMLParser(recover=True, resolve_entities=False)) if "<" in text else None
        found |= set(_in_xml(root)) if root is not None else set()
    told = (each.strip() for each in found)
    return frozenset(each for each in told if len(each) >= 4 and each.casefold() not in NO_PERSON)


def _in_json(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _in_json(each, key if name in {"value", "desc"} else name)
    elif isinstance(value, list):
        for each in value:
            yield from _in_json(each, key)
    elif isinstance(value, str) and PERSONAL.fullmatch(key):
        yield value


def _in_xml(root: etree._Element) -> Iterator[str]:
    for node in root.iter():
        if isinstance(node.tag, str) and PERSONAL.fullmatch(str(node.tag).rpartition("}")[2].rpartition(":")[2]):
            yield from (str(text) for text in node.itertext())


def leaks(said: str, body: bytes) -> list[str]:
    words = said.casefold()
    there = [each for each in persons(body) if each.casefold() in words]
    return [each for each in there if re.search(rf"(?<!\w){re.escape(each.casefold())}(?!\w)", words)]


def each_payload(say: Callable[[bytes], Iterator[str]], kinds: tuple[str, ...] = ("",)) -> list[tuple[str, str, str]]:
    """Which payload, in which words, names whom."""
    some = ((name, body) for name, body in payloads() if name.endswith(kinds))
    return [(name, said, who) for name, body in some for said in say(body) for who in leaks(said, body)]


def test_there_is_something_to_find() -> None:
    everybody = [who for _, body in payloads() for who in persons(body)]
    assert len(payloads()) > 400
    assert len(set(everybody)) > 100
    assert any("@" in who for who in everybody)


def errors(body: bytes) -> Iterator[IlsError]:
    for endpoint in (Endpoint.USER, Endpoint.ITEMS, Endpoint.LOAN_CREATE):
        for status in (400, 401, 500, 503):
            answer = Answer(status, body, {"Content-Type": "text/plain"})
            yield error_of(endpoint, answer, repeatable=status != 500)
        yield nonsense(endpoint, Answer(200, body, {}), repeatable=True)


def test_no_error_of_an_ils_names_anybody() -> None:
    assert each_payload(lambda body: (f"{error} {error.code} {error.cause}" for error in errors(body))) == []


def test_words_of_an_ils_in_plain_text_name_nobody() -> None:
    """Bodies that are no error of Alma's: a proxy's, or another system's."""

    def texts(body: bytes) -> Iterator[str]:
        lines = body.decode("utf-8", errors="replace").splitlines()
        for line in (each for each in lines[:40] if not each.startswith("#")):
            yield str(error_of(Endpoint.ITEM, Answer(400, line.strip(" <>|#").encode()), repeatable=True))

    assert each_payload(texts, (".txt", ".html")) == []


def test_no_kept_message_says_why_in_words_that_name_anybody() -> None:
    settings = known().sources["hook"]

    def problems(body: bytes) -> Iterator[str]:
        arrival = message.read(body, settings, frozenset({"main"}))  # type: ignore[arg-type]
        yield f"{arrival.problem} {arrival.key}"

    assert each_payload(problems) == []


def test_no_feed_says_why_it_failed_in_words_that_name_anybody() -> None:
    settings = FeedSettings.model_validate({"service": "svc", "url": "https://ill.example/", "library": "main"})
    feed = FeedSource("feed", settings, frozenset({"main"}), tell=lambda _: None)

    def problems(body: bytes) -> Iterator[str]:
        for status in (200, 400, 401, 500):
            feed._asked._http.send = lambda _, status=status, body=body: Answer(status, body)  # type: ignore[method-assign,misc]
            try:
                for page in feed.poll(None):
                    yield from (arrival.problem for arrival in page.arrivals)
            except BridgeError as problem:
                yield str(problem)

    assert each_payload(problems) == []
    feed.close()


def test_nobody_is_named_on_the_whole_way(database_url: str) -> None:
    """An ILS refuses in each payload's words: logs, history, export, reasons of parked requests, digest and figures."""
    said = [(body, error) for _, body in payloads() if persons(body) for error in (next(iter(errors(body))),)]
    distinct = {str(error): (body, error) for body, error in said if isinstance(error, Rejected)}
    assert len(distinct) > 1
    stage, out = Stage(migrate(database_url)), io.StringIO()
    logging.configure(console=False, to=out)
    try:
        for number, (_, error) in enumerate(distinct.values()):
            stage.ils.fails.append(("find_patron", error))
            stage.tell(Phase.RECEIVED, number=str(number))
            stage.settle()
        told = out.getvalue() + _shown(stage)
    finally:
        logging.configure(console=False)
        stage.close()
    assert told.count("step.refused") == len(distinct)
    assert [(who, body[:80]) for body, _ in distinct.values() for who in leaks(told, body)] == []


def _shown(stage: Stage) -> str:
    ledger, exported = stage.ledger, io.StringIO()
    _as_csv(ledger.requests.told(), exported)
    assert len(list(csv.reader(io.StringIO(exported.getvalue())))) > 1
    since = stage.clock() - timedelta(days=1)
    found = Facts(now=stage.clock(), parked=ledger.attention.parked(since, named=1000))
    notice = digest(found, AlertSettings(), since=since, library="")
    metrics = Metrics()
    metrics.begin(version="1", database="sqlite", sources=(), gauges=LedgerGauges(ledger.figures.seen, known()))
    figures = metrics.exposition("")[0].decode()
    rows = "\n".join(row.parked.reason for row in ledger.requests.list(state=State.PARKED))
    assert rows
    return "\n".join([exported.getvalue(), notice.text, figures, rows])


def test_a_log_shows_no_input_of_what_could_not_be_read() -> None:
    out = io.StringIO()
    for console in (True, False):
        logging.configure(console=console, to=out)
        for _, body in payloads()[:200]:
            try:
                message.Message.model_validate_json(body)
            except ValueError:
                structlog.get_logger("x").exception("e")
    logging.configure(console=False)
    assert "Traceback" in out.getvalue()
    assert [who for _, body in payloads()[:200] for who in leaks(out.getvalue(), body)] == []

"""The command ``sources``: how each source stands, and which of its words nobody has explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import typer

from bridge.cli.looking import as_text
from bridge.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, opened
from bridge.domain.care import DRILL
from bridge.ledger import Ledger
from bridge.ledger.figures import Heard
from bridge.ledger.model import Kept
from bridge.settings import Configuration
from bridge.sources.base import SourceSettings
from bridge.sources.kinds import kind_of
from bridge.sources.message import unknown_word
from bridge.sources.polled import PolledSettings


@dataclass(frozen=True)
class UnknownWord:
    """A word that a source used and nobody explained; the example is the latest message: its id, and the number of its request."""

    word: str
    messages: int
    last: datetime
    message: int
    request: str


@dataclass(frozen=True)
class SourceState:
    """A source as it stands. ``lag_seconds`` is since the last poll that went well: what is younger was not heard yet."""

    name: str
    kind: str
    service: str
    system: str
    polled_at: datetime | None
    succeeded_at: datetime | None
    lag_seconds: float | None
    heard_at: datetime | None
    messages: int
    cursor: str
    problem: str
    unknown_words: tuple[UnknownWord, ...]

    def lines(self) -> Iterator[str]:
        """For people."""
        behind = f" ({self.system})" if self.system else ""
        yield f"{self.name}: {self.kind or 'no longer configured'}, service {self.service or 'unknown'}{behind}"
        if self.kind and self.polled_at is None and self.lag_seconds is None and self.cursor == "":
            yield "  never polled" if self.messages == 0 else "  it calls us"
        elif self.polled_at is not None:
            lag = f", {self.lag_seconds:.0f} s behind" if self.lag_seconds is not None else ", never with success"
            yield f"  last poll {_moment(self.polled_at)}{lag}"
        heard = f", the last one {_moment(self.heard_at)}" if self.heard_at else ""
        yield f"  {self.messages} messages{heard}"
        if self.cursor:
            yield f"  cursor {self.cursor}"
        if self.problem:
            yield f"  problem: {self.problem}"
        for each in self.unknown_words:
            yield (
                f"  unknown word '{each.word}': {each.messages} messages, for example {each.message} of request {each.request} "
                f"({_moment(each.last)})"
            )


def sources(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """Every source with its last poll, how far it is behind, its cursor, and the words it used that are not known, with an example.

    Say what such a word means in the table sources.NAME.words, see what would follow with `replay --source NAME --dry-run`, then `replay`.

    Example: ill-bridge sources
    """
    with opened(config) as (known, ledger):
        found = states(known, ledger)
    if as_json:
        typer.echo(as_text([asdict(each) for each in found]))
        return
    for each in found:
        for line in each.lines():
            typer.echo(line)
    if not found:
        typer.echo("No source is configured.")


def states(known: Configuration, ledger: Ledger) -> tuple[SourceState, ...]:
    """Every source that is configured or ever spoke, but for the drill."""
    counts = {name: count for name, _, _, count in ledger.inbox.sources()}
    heard = {each.name: each for each in ledger.figures.seen().sources}
    words: dict[str, list[UnknownWord]] = {}
    for name, word in unknown_words(ledger.inbox.unknown()):
        words.setdefault(name, []).append(word)
    names = [*known.sources, *sorted({*counts, *heard} - {*known.sources, DRILL})]
    return tuple(
        _state(known, ledger, heard.get(name, Heard(name)), counts.get(name, 0), tuple(words.get(name, ())))
        for name in names
    )


def _state(
    known: Configuration, ledger: Ledger, heard: Heard, messages: int, words: tuple[UnknownWord, ...]
) -> SourceState:
    settings = known.sources.get(heard.name)
    named = settings if isinstance(settings, SourceSettings) else None
    polled = isinstance(settings, PolledSettings) or heard.polled_at is not None
    lag = (ledger.clock() - heard.succeeded_at).total_seconds() if polled and heard.succeeded_at else None
    return SourceState(
        heard.name,
        kind_of(settings) if settings is not None else "",
        named.service if named is not None else "",
        named.system.value if named is not None else "",
        heard.polled_at,
        heard.succeeded_at,
        lag,
        heard.heard_at,
        messages,
        ledger.inbox.cursor(heard.name) or "",
        heard.problem,
        words,
    )


def unknown_words(kept: tuple[Kept, ...]) -> Iterator[tuple[str, UnknownWord]]:
    """Sources and the words they used that are not known; the messages come oldest first."""
    groups: dict[tuple[str, str], list[Kept]] = {}
    for each in kept:
        groups.setdefault((each.source, unknown_word(each.problem)[0]), []).append(each)
    for (source, word), messages in groups.items():
        last = messages[-1]
        yield source, UnknownWord(word, len(messages), last.received_at, last.id, unknown_word(last.problem)[1])


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"

"""What the demonstration found: one result a scenario, as a page for people or as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from rich.console import Console


@dataclass(frozen=True)
class Result:
    """How one scenario ended. ``wrong`` says in sentences what did not end as stated."""

    name: str
    role: str
    connector: str
    request: str
    status: str
    state: str
    history: tuple[str, ...]
    ils_calls: int
    transient_calls: int
    leftovers: int
    duplicates: int
    foreign_touched: int
    ok: bool
    wrong: tuple[str, ...] = ()


def as_json(results: list[Result]) -> str:
    """One JSON document."""
    return json.dumps(
        {"ok": all(result.ok for result in results), "scenarios": [asdict(result) for result in results]},
        ensure_ascii=False,
        indent=2,
    )


def as_page(results: list[Result], out: Console) -> None:
    """Every request's circulation history, and what is left in the ILS."""
    for result in results:
        out.print()
        sign = "[green]✔[/]" if result.ok else "[red]✘[/]"
        out.print(f"{sign} [bold]{result.name}[/] ({result.role}, {result.connector}, request {result.request})")
        for line in result.history:
            out.print(f"    {line}", markup=False, highlight=False)
        out.print(
            f"    → {result.status}, {result.state}; {result.ils_calls} ILS calls ({result.transient_calls} transient); left in "
            f"the ILS: {result.leftovers} leftovers, {result.duplicates} duplicates, {result.foreign_touched} foreign touched",
            highlight=False,
            style="dim",
        )
        for wrong in result.wrong:
            out.print(f"    does not hold: {wrong}", style="red", markup=False)
    good = sum(result.ok for result in results)
    out.print()
    out.print(
        f"{good} of {len(results)} scenarios ended as they should.", style="green" if good == len(results) else "red"
    )

"""What all tests share: property tests that repeat, and fresh databases of both kinds.

Property tests draw the same examples in every run; HYPOTHESIS_PROFILE=explore draws many fresh ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import make_url

from tests.contract.matrix import LEGEND, PROPERTY, table
from tests.databases import migrate, postgres_database, server_url

settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile(
    "explore", max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

THOROUGH = "thorough"
POSTGRES = "postgres"
UNMEASURED = "no_cover"
ALWAYS_ON_POSTGRES = (
    "tests/ledger/",
    "tests/engine/test_two_daemons.py",
    "tests/engine/test_dispatcher.py",
    "tests/engine/test_together.py",
    "tests/cli/test_database.py",
    "tests/connectors/alma/",
)
"""What is tried on PostgreSQL in every run: the ledger's own statements, and work by many at once. What stands on top of them is tried on
SQLite, and on both in the long run.
"""
OVER_KNOWN_GROUND = (
    "tests/fuzz/",
    "tests/bench/",
    "tests/outside/",
    "tests/domain/test_properties.py",
    "tests/domain/test_privacy.py::TestWithoutPerson::test_later_news_folds_on",
    "tests/engine/test_in_system_kill.py",
    "tests/engine/test_in_system_property.py",
    "tests/engine/test_kill.py",
    "tests/engine/test_long_outage.py",
    "tests/engine/test_two_daemons.py",
    "tests/engine/test_woken.py",
    "tests/ledger/test_codec.py",
    "tests/connectors/alma/test_whole_loans.py::test_any_exchange",
    "tests/cli/test_demo.py::test_calls_of_a_whole_loan",
    "tests/cli/test_demo.py::test_a_port",
    "tests/cli/test_demo.py::test_the_stand_ins",
    "tests/cli/test_alerts.py::TestDaemon",
    "tests/cli/test_alerts.py::TestList",
    "tests/cli/test_completing.py",
    "tests/cli/test_crashes.py",
    "tests/cli/test_exporting.py::test_a_reader_that_goes_away",
    "tests/test_docs.py",
    "tests/test_links.py",
    "tests/test_thorough.py",
    "tests/test_watching.py::test_every_log_event",
)
"""What goes many times over lines that other tests go over too, be it as processes of its own: there no coverage is measured, which takes
two fifths of the time. The plays of the contract are marked where they stand.
"""
MEASURING = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(f"--{THOROUGH}", action="store_true", help="run the long tests too (marked 'thorough')")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests out, unless they were asked for."""
    for item in items:
        if item.get_closest_marker(POSTGRES) and not item.nodeid.startswith(ALWAYS_ON_POSTGRES):
            item.add_marker(THOROUGH)
        if item.nodeid.startswith(OVER_KNOWN_GROUND):
            item.add_marker(UNMEASURED)
    if config.getoption(THOROUGH) or THOROUGH in config.getoption("markexpr"):
        return
    long = [item for item in items if item.get_closest_marker(THOROUGH)]
    items[:] = [item for item in items if not item.get_closest_marker(THOROUGH)]
    config.hook.pytest_deselected(items=long)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """What is not measured starts no process that is."""
    if item.get_closest_marker(UNMEASURED) is None:
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        for name in MEASURING:
            patch.delenv(name, raising=False)
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The kill matrix, where any of it ran; its cells come with the reports, also from other processes."""
    reports = (report for kind in terminalreporter.stats.values() for report in kind)
    ends = (report for report in reports if getattr(report, "when", "") == "teardown")
    found = [value for report in ends for name, value in report.user_properties if name == PROPERTY]
    if found:
        terminalreporter.section("kill matrix: cut off and taken up again, all well (SQLite/PostgreSQL)")
        terminalreporter.write_line(LEGEND)
        terminalreporter.write_line("\n".join(table(cell for cells in found for cell in cells)))


EACH = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=EACH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database of each kind; PostgreSQL where a server is named."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    with postgres_database(server_url()) as url:
        yield url


@pytest.fixture(params=EACH)
def ready_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same, migrated."""
    if request.param == "sqlite":
        yield migrate(f"sqlite:///{tmp_path / 'ledger.db'}")
        return
    with postgres_database(server_url(), request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a migrated database to which nobody connects."""
    with postgres_database(server_url()) as url:
        yield str(make_url(migrate(url)).database)


@pytest.fixture(scope="session")
def migrated_postgres() -> Iterator[str]:
    """A migrated database that tests empty one after the other."""
    with postgres_database(server_url()) as url:
        yield migrate(url)

"""The programme of the demonstration: every scenario, in the order they are played."""

from __future__ import annotations

from bridge.cli.demo import in_system, losses, scenarios
from bridge.cli.demo.scenarios import Scenario
from bridge.domain.commands import Verb

SCENARIOS = (
    Scenario("borrowing, the whole way", "borrower", "1001", scenarios.borrowing),
    Scenario("lending, the whole way", "lender", "1002", scenarios.lending, channel="feed"),
    Scenario("borrowing cancelled before shipment", "borrower", "1003", scenarios.cancelled),
    Scenario("a copy", "borrower", "1004", scenarios.copy),
    Scenario(
        "a patron the ILS does not know, corrected", "borrower", "1005", scenarios.unknown_patron, by_machine=True
    ),
    Scenario("an outage in the middle", "borrower", "1006", scenarios.outage, by_machine=True),
    Scenario("repeated and out of order", "borrower", "1007", scenarios.repeated),
    Scenario("the desk was first", "lender", "1008", scenarios.desk_first),
    Scenario(
        "two volumes, one fails at first",
        "borrower",
        "1009",
        scenarios.two_volumes,
        by_machine=True,
        needs=(Verb.CREATE_TEMPORARY_ITEM,),
    ),
    Scenario("borrowed, recalled and overdue", "borrower", "1010", losses.recalled),
    Scenario("borrowed, lost, billed and paid", "borrower", "1011", losses.lost_and_paid),
    Scenario("borrowed, lost, found and sent back", "borrower", "1012", losses.lost_and_found),
    Scenario("lent, lost, closed, and then it turns up", "lender", "1013", losses.lent_and_lost, channel="feed"),
    Scenario(
        "an in-system loan, scanned once", "both", "1014", in_system.in_system, by_machine=True, charges_twice=True
    ),
)

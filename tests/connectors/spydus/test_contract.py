"""Spydus keeps the contract of every connector, as far as SIP2 goes."""

import pytest

from tests.contract.bench import ContractBench
from tests.contract.suite import ConnectorContract

NO_STATUSES = "SIP2 has neither statuses nor a word for 'too fast'"


class TestSpydus(ConnectorContract):
    """Over real sockets against the stand-in, by SIP2 alone."""

    @pytest.mark.skip(reason=NO_STATUSES)
    def test_too_fast_is_waited_for(self, bench: ContractBench) -> None:
        """A server that does not keep up asks for the message again."""

    @pytest.mark.skip(reason=NO_STATUSES)
    def test_a_server_error_is_told_in_the_words_of_the_ils(self, bench: ContractBench) -> None:
        """It hangs up without words."""

    @pytest.mark.skip(reason=NO_STATUSES)
    def test_a_server_error_after_a_write_says_whose_fault_it_is(self, bench: ContractBench) -> None:
        """It hangs up without words."""

    @pytest.mark.skip(reason=NO_STATUSES)
    @pytest.mark.parametrize("how", ["refusal"])
    @pytest.mark.parametrize("words", ["words"])
    def test_nobodys_name_passes_through_an_error(self, bench: ContractBench, how: str, words: str) -> None:
        """Refusals are answers here: see test_verbs."""


class TestSpydusByLcf(TestSpydus):
    """Temporary items and holds by LCF, the rest by SIP2."""

"""Problems in the words of each responder."""

from bridge.sandbox.ncip.wire import El, problem

_NUMBERS = {
    "Unknown User": "9004",
    "User Blocked": "9007",
    "Unknown Item": "9016",
    "Item Not Checked Out": "9022",
    "Item Already Checked Out": "9025",
}
_SENTENCES = {"Unknown User": ("", "", "Userid", "Did not find a user with that id")}


class NcipProblem(Exception):
    """A message is refused."""

    def __init__(self, kind: str, detail: str = "", element: str = "", value: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.detail = detail
        self.element = element
        self.value = value

    def told(self, name: str, words: str) -> El:
        """As the responder says it: the standard's texts, numbers (Innovative), or sentences of its own (mod-ncip)."""
        if words == "numbers" and self.kind in _NUMBERS:
            return problem(_NUMBERS[self.kind], self.detail or self.kind)
        if words == "sentences":
            said = _SENTENCES.get(self.kind) or (
                f"Problem performing {name}",
                self.detail or self.kind,
                "--",
                f"{name} failed",
            )
            return problem(*said)
        return problem(self.kind, self.detail, self.element, self.value)


class NoAnswer(Exception):
    """The responder has nothing to say (Koha's "It works!")."""

"""Any search rule, made to ask whoever ranks before each round and before the finals. It never waits for the answers."""

from __future__ import annotations

from designer.archive import Archive
from designer.search import Action, Advance, Ask, Propose, Search, Stop


class Asking:
    """Implements `Search` around another one."""

    def __init__(self, inner: Search, rounds: int) -> None:
        self.name = f"{inner.name}, asking raters"
        self._inner = inner
        self._rounds = rounds

    def meanwhile(self, archive: Archive) -> Advance | Stop | None:
        """Do what the inner rule does while replies are waited for."""
        found: Advance | Stop | None = getattr(self._inner, "meanwhile", lambda _: None)(archive)
        return found

    def next(self, archive: Archive) -> Action:
        action = self._inner.next(archive)
        match action:
            case Propose(slots=slots) if slots[0].round > 1 and not archive.in_round(slots[0].round):
                round_ = slots[0].round
            case Advance(batches=batches) if batches[0].purpose == "final":
                round_ = self._rounds + 1
            case Stop() if archive.candidates:
                round_ = self._rounds + 1
            case _:
                return action
        return action if round_ in archive.asked else Ask(round_)

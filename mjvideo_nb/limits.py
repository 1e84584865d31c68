"""How much at once, and for how much money: places for running tasks, and a budget.

The provider advises about five tasks at once. Whoever comes when all places are taken waits in order. A place is taken
before a request is sent and given back when its task is seen to have ended. Money is counted when a request is about to be
sent and given back when the service refused it or the task failed; what may have been billed stays counted.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping

from . import config
from .errors import BudgetExceeded, InvalidRequest

__all__ = ["AT_ONCE", "Charge", "Limits", "Place", "Places"]

AT_ONCE = 5
"""Tasks running at once, as the provider advises."""


class Place:
    """One of the places; give it back once, twice does no harm."""

    def __init__(self, places: Places) -> None:
        self._places: Places | None = places

    def give_back(self) -> None:
        """Let the next one in."""
        places, self._places = self._places, None
        if places:
            places.next_in()


class Places:
    """A number of places, given out in the order of asking. On one event loop.

    Args:
        at_once: how many.

    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._queue: deque[tuple[asyncio.Future[None], Callable[[int], object] | None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether the next one has to wait."""
        return self._free == 0 or bool(self._queue)

    async def take(self, on_wait: Callable[[int], object] | None = None) -> Place:
        """A place, at once or when it is one's turn.

        Args:
            on_wait: called with the place in the line when it changes: 1 is the next one, 0 is one's turn. Never called
                where a place was free at once.

        """
        if not self.full:
            self._free -= 1
            return Place(self)
        turn = asyncio.get_running_loop().create_future()
        entry = (turn, on_wait)
        self._queue.append(entry)
        if on_wait:
            on_wait(len(self._queue))
        try:
            await turn
        except BaseException:
            if entry in self._queue:
                self._queue.remove(entry)
                self._tell()
            elif not turn.cancelled():
                self.next_in()  # it was our turn, and we are gone
            raise
        if on_wait:
            on_wait(0)
        return Place(self)

    def next_in(self) -> None:
        """A place has become free."""
        while self._queue:
            turn, _ = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                self._tell()
                return
        self._free += 1

    def _tell(self) -> None:
        for place, (_, on_wait) in enumerate(self._queue, start=1):
            if on_wait:
                on_wait(place)


class Charge:
    """The price of one request, counted until it is given back."""

    def __init__(self, limits: Limits, usd: float) -> None:
        self._limits = limits
        self.usd = usd

    def give_back(self) -> None:
        """The service did not take the money; twice does no harm."""
        usd, self.usd = self.usd, 0.0
        self._limits.uncount(usd)


class Limits:
    """What a client may have running and may spend.

    Args:
        at_once: tasks running at once, 1 or more.
        budget: USD that may be spent through this client, or None for no limit.
        price: USD a call, one figure or one by video type (by its short word, such as `"480p"`); by default 0.60.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        budget: float | None = None,
        price: float | Mapping[str, float] | None = None,
    ) -> None:
        if isinstance(at_once, bool) or not isinstance(at_once, int) or at_once < 1:
            raise InvalidRequest(f"at_once: a number of tasks, 1 or more, not {at_once!r}.", field="at_once")
        if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int | float) or not budget >= 0):
            raise InvalidRequest(f"budget: a number of USD, 0 or more, not {budget!r}.", field="budget")
        self.at_once = at_once
        self.budget = budget
        self.price = config.price(price)
        self.spent = 0.0
        self._guard = threading.Lock()

    @property
    def left(self) -> float | None:
        """USD that may still be spent, or None where there is no budget."""
        return None if self.budget is None else max(0.0, self.budget - self.spent)

    def price_of(self, short_type: str) -> float | None:
        """USD for one call of this video type (`short_type`, such as `"480p"`), or None where it has no price."""
        return self.price.get(short_type) if isinstance(self.price, Mapping) else self.price

    def price_to_hold(self, short_type: str) -> float:
        """The price of a call of this `short_type`, to hold against the budget; 0 where there is no price and no budget.

        Raises:
            InvalidRequest: there is a budget, and no price to hold against it.

        """
        price = self.price_of(short_type)
        if price is None and self.budget is not None:
            raise InvalidRequest(
                f"price: the budget of {self.budget:.2f} USD needs a price for {short_type}; give one with price=.",
                field="price",
            )
        return price or 0.0

    def check(self, short_type: str) -> float:
        """The price of a call of this `short_type` that the budget allows.

        Raises:
            BudgetExceeded: it does not; names both figures.
            InvalidRequest: there is a budget, and no price to hold against it.

        """
        price = self.price_to_hold(short_type)
        if self.budget is None:
            return price
        if price > self.budget - self.spent + 1e-9:
            raise BudgetExceeded(
                f"This call costs about {price:.2f} USD, and {self.left:.2f} USD of the budget of {self.budget:.2f} USD is "
                "left. Nothing was sent and nothing is charged: raise the budget to go on."
            )
        return price

    def charge(self, short_type: str) -> Charge:
        """Count the price of a call of this `short_type` that is about to be sent.

        Raises:
            BudgetExceeded, InvalidRequest: as for `check`.

        """
        with self._guard:
            charge = Charge(self, self.check(short_type))
            self.spent += charge.usd
            return charge

    def uncount(self, usd: float) -> None:
        """Take back `usd` that were counted."""
        with self._guard:
            self.spent = max(0.0, self.spent - usd)

"""Which faults are on, on which routes, and how often more."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from mjvideo_nb.sandbox.answers import Json
from mjvideo_nb.sandbox.faults import ROUTES, TABLE, Fault

F = TypeVar("F", bound=Fault)

_IN_A_PROMPT = re.compile(r"\[fault:([^\]]*)\]")


@dataclass(slots=True)
class Switched:
    """A fault that is on: on these routes, so many times more (None: always)."""

    name: str
    fault: Fault
    routes: tuple[str, ...]
    value: float
    times: int | None


class Faults:
    """Which faults are on."""

    def __init__(self, settings: Iterable[Mapping[str, Any]] = ()) -> None:
        self._on = [_switched(setting) for setting in settings]

    def __or__(self, more: "Faults") -> "Faults":
        """These and those; each still happens only as often as it was asked for, wherever it is taken."""
        if not more:
            return self
        both = Faults()
        both._on = [*self._on, *more._on]
        return both

    def __bool__(self) -> bool:
        return bool(self._on)

    def set(self, settings: Iterable[Mapping[str, Any]]) -> None:
        """Switch on these and no others; ValueError names what cannot be."""
        self._on = [_switched(setting) for setting in settings]

    def as_json(self) -> list[Json]:
        return [{"name": on.name, "times": on.times, "value": on.value, "routes": list(on.routes)} for on in self._on]

    def take(self, kind: type[F], route: str, want: Callable[[F], bool] = lambda _: True) -> list[tuple[F, float]]:
        """The faults of this kind that now happen on `route`, with their values; each is one time less to come."""
        return list(self._happening(kind, route, want))

    def take_one(self, kind: type[F], route: str, want: Callable[[F], bool] = lambda _: True) -> tuple[F, float] | None:
        """The first of them; the others wait for their turn."""
        return next(self._happening(kind, route, want), None)

    def _happening(self, kind: type[F], route: str, want: Callable[[F], bool]) -> Iterator[tuple[F, float]]:
        for on in self._on:
            fault = on.fault
            if isinstance(fault, kind) and route in on.routes and on.times != 0 and want(fault):
                if on.times is not None:
                    on.times -= 1
                yield fault, on.value


def typed_in(prompt: str, header: str) -> Faults:
    """The faults of one task: `[fault:NAME]` in its prompt, or names with commas in a header; ValueError where one is none."""
    names = [*_IN_A_PROMPT.findall(prompt), *header.split(",")]
    return Faults(parse(name.strip()) for name in names if name.strip())


def _switched(setting: Mapping[str, Any]) -> Switched:
    name, times, value = setting.get("name"), setting.get("times"), setting.get("value")
    fault = TABLE.get(str(name))
    if fault is None:
        near = get_close_matches(str(name), TABLE) or ["see `--faults`"]
        raise ValueError(f"no fault is called {name!r}: {' or '.join(near)}")
    if not (times is None or (isinstance(times, int) and times >= 0)):
        raise ValueError(f"times of {name} is a count or null, not {times!r}")
    if not (value is None or isinstance(value, int | float)):
        raise ValueError(f"value of {name} is a number, not {value!r}")
    routes = tuple(setting.get("routes") or fault.routes)
    if not set(routes) <= set(ROUTES):
        raise ValueError(f"routes of {name} are of {', '.join(ROUTES)}, not {routes!r}")
    return Switched(str(name), fault, routes, fault.value if value is None else value, times)


def parse(text: str) -> Json:
    """A fault as it is typed: `[ROUTE:]NAME[=VALUE][*TIMES]`, e.g. `fetch:http-502*2` or `slow=8`."""
    rest, _, times = text.partition("*")
    rest, _, value = rest.partition("=")
    route, _, name = rest.rpartition(":")
    setting: Json = {"name": name}
    if route:
        setting["routes"] = [route]
    if value:
        setting["value"] = float(value)
    if times:
        setting["times"] = int(times)
    _switched(setting)
    return setting

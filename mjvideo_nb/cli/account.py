"""`mjvideo-nb library account`: what runs and waits on an account that many machines share, what was spent, who is there."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mjvideo_nb import config
from mjvideo_nb.config import LONGEST_NAME
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.limits import AT_ONCE

from . import exits
from .terminal import printable, say

if TYPE_CHECKING:
    from mjvideo_nb.library import Entry
    from mjvideo_nb.library.allowances import Allowance
    from mjvideo_nb.library.overview import Overview, Service, Spent
    from mjvideo_nb.library.postgres import PostgreSQL

__all__ = ["add_to"]

NONE = "none"
LONGEST_PROMPT = 60
EPILOG = """\
examples:
  mjvideo-nb library account postgresql+psycopg://me@db.example/videos
  mjvideo-nb library account --at-once 5 --budget 600 --each 12 --person alice=20
  mjvideo-nb library account --each none --person alice=none
  mjvideo-nb library account --settle 019349a1b2c3d4e5f607

exit status:
  0    it was shown, and changed as you wanted
  1    the database cannot be used, or your role may not do this; nothing was changed
  2    an argument does not do; nothing was changed
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "account",
        help="show an account that many machines share, and say what it may spend",
        description="Shows what runs and waits, what was spent and of how much, what is uncertain, and which kernels are\n"
        "there. The options change what may be spent; none takes a limit away.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "database", metavar="DATABASE", nargs="?", help="the address of the database (default: MJVIDEO_DATABASE)"
    )
    command.add_argument("--at-once", metavar="N", type=_tasks, help="how many tasks may run at once, in all")
    command.add_argument("--budget", metavar="USD", type=_usd, help="what everybody together may spend, in all")
    command.add_argument("--each", metavar="USD", type=_usd, help="what each may spend who has no budget of their own")
    command.add_argument(
        "--person",
        metavar="NAME=USD",
        type=_person,
        action="append",
        default=[],
        help="what one person may spend; repeatable",
    )
    command.add_argument(
        "--settle",
        metavar="ID",
        action="append",
        default=[],
        help="forget an uncertain request, once you know what became of it; its price stays counted; repeatable",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object instead")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from mjvideo_nb.library.moving import open_database
    from mjvideo_nb.library.overview import overview
    from mjvideo_nb.library.postgres import PostgreSQL

    address = config.database(options.database)
    if address is None:
        raise InvalidRequest(
            "DATABASE: give the address of the database, such as postgresql+psycopg://user@host/name, or set "
            "MJVIDEO_DATABASE. What a folder's library has spent, mj.spending() tells.",
            field="database",
        )
    database = open_database(address)
    assert isinstance(database, PostgreSQL)  # noqa: S101 - an address is of no other
    try:
        _settle(database, options.settle)
        _allow(database, options)
        found = overview(database)
    finally:
        database.close()
    if options.json:
        sys.stdout.write(json.dumps(_as_json(found, database.where)) + "\n")
    else:
        sys.stdout.write("".join(f"{printable(line)}\n" for line in _lines(found, database.where)))
    return exits.OK


# What is changed


def _tasks(text: str) -> int | str:
    if text == NONE:
        return NONE
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"a number of tasks, 1 or more, or {NONE}, not {text!r}")
    return int(text)


def _usd(text: str) -> float | str:
    if text == NONE:
        return NONE
    try:
        usd = float(text)
    except ValueError:
        usd = math.nan
    if not 0 <= usd < math.inf:
        raise argparse.ArgumentTypeError(f"a number of USD, 0 or more, or {NONE}, not {text!r}")
    return usd


def _person(text: str) -> tuple[str, float | str]:
    name, is_there, usd = text.rpartition("=")
    if not is_there or not name or name == "*" or len(name) > LONGEST_NAME:
        raise argparse.ArgumentTypeError(
            f"a person and a number of USD, such as alice=20, not {text!r}; for everybody --budget, for each --each"
        )
    return name, _usd(usd)


def _settle(database: PostgreSQL, names: list[str]) -> None:
    from mjvideo_nb.library.ledger import Ledger
    from mjvideo_nb.library.overview import uncertain

    found = uncertain(database) if names else ()
    for name in names:
        if not any(name in {entry.id, entry.task_id} for entry in found):
            raise InvalidRequest(
                f"--settle: there is no uncertain request {name}; mjvideo-nb library account lists them. Nothing was changed.",
                field="settle",
            )
    ledger = Ledger(database, "", config.person())
    for entry in found:
        if {entry.id, entry.task_id} & set(names):
            ledger.forget(entry.id)
            say(f"Settled: {entry.id}. Its price stays counted.")


def _allow(database: PostgreSQL, options: argparse.Namespace) -> None:
    from mjvideo_nb.library.allowances import EACH, EVERYBODY, Allowance, Allowances

    allowances = Allowances(database)
    wanted: dict[str, Allowance] = {}
    before = allowances.all()

    def change(person: str, **limits: float | str | None) -> None:
        given = {name: None if value == NONE else value for name, value in limits.items() if value is not None}
        if given:
            old = wanted.get(person) or before.get(person) or Allowance(person)
            wanted[person] = replace(old, **given)  # type: ignore[arg-type]

    change(EVERYBODY, at_once=options.at_once, budget=options.budget)
    change(EACH, budget=options.each)
    for name, usd in options.person:
        change(name, budget=usd)
    if wanted:
        allowances.put(wanted.values())


# What is shown


def _lines(found: Overview, where: str) -> list[str]:
    lines = [where, ""]
    width = max([len(service.address) for service in found.services], default=0)
    lines += [f"{service.address:<{width}}  {_running(service, found.at_once)}" for service in found.services]
    if not found.services:
        lines.append(f"nothing was sent yet; {_most(found.at_once)}")
    people = [found.spent, *found.people]
    names = ["spent in all", *(f"  {_name(one.person)}" for one in found.people)]
    width = max(map(len, names))
    lines += ["", *(f"{name:<{width}}  {_spent(one)}" for name, one in zip(names, people, strict=True))]
    if found.each is not None:
        lines.append(f"{'  anybody else':<{width}}  {'':9} of {found.each:9.2f} USD")
    lines += ["", *_uncertain(found.uncertain)]
    lines += ["", "kernels that are there" if found.kernels else "no kernel is there"]
    width = max([len(_name(kernel.person)) for kernel in found.kernels], default=0)
    hosts = max([len(kernel.host) for kernel in found.kernels], default=0)
    for kernel in found.kernels:
        polls = "  polls for all" if kernel.polls else ""
        lines.append(
            f"  {_name(kernel.person):<{width}}  {kernel.host:<{hosts}}  heard of {kernel.seen:.0f} s ago{polls}"
        )
    return lines


def _running(service: Service, at_once: int | None) -> str:
    running = f"{service.running} running, {_most(at_once)}"
    waiting = sum(service.waiting.values())
    who = ", ".join(f"{_name(person)} {count}" for person, count in service.waiting.items())
    return f"{running}; {waiting} waiting{f' ({who})' if who else ''}"


def _most(at_once: int | None) -> str:
    return f"of {at_once} at once" if at_once else f"of as many as each kernel allows itself (by default {AT_ONCE})"


def _spent(one: Spent) -> str:
    return f"{one.usd:9.2f} USD" if one.budget is None else f"{one.usd:9.2f} of {one.budget:9.2f} USD"


def _uncertain(entries: tuple[Entry, ...]) -> list[str]:
    if not entries:
        return ["nothing is uncertain"]
    lines = [
        "uncertain: they may have been accepted and billed. Look at the provider's task list, then settle each: "
        "--settle ID, or on its card"
    ]
    width = max(len(_name(entry.person)) for entry in entries)
    for entry in entries:
        when = f"{entry.created.astimezone():%Y-%m-%d %H:%M}"
        prompt = entry.prompt if len(entry.prompt) <= LONGEST_PROMPT else f"{entry.prompt[: LONGEST_PROMPT - 1]}…"
        words = " ".join(prompt.split())
        task = f"task {entry.task_id}" if entry.task_id else "no task id"
        lines.append(f"  {entry.id}  {when}  {_name(entry.person):<{width}}  {entry.price:.2f} USD  {task}  {words}")
    return lines


def _name(person: str) -> str:
    return person or "(nobody known)"


def _as_json(found: Overview, where: str) -> dict[str, Any]:
    return {
        "database": where,
        "at_once": found.at_once,
        "services": [
            {"address": one.address, "running": one.running, "waiting": dict(one.waiting)} for one in found.services
        ],
        "spent": found.spent.usd,
        "budget": found.spent.budget,
        "each": found.each,
        "people": [{"person": one.person, "spent": one.usd, "budget": one.budget} for one in found.people],
        "uncertain": [
            {
                "id": entry.id,
                "task": entry.task_id,
                "person": entry.person,
                "created": entry.created.isoformat(),
                "price": entry.price,
                "prompt": entry.prompt,
            }
            for entry in found.uncertain
        ],
        "kernels": [
            {"person": one.person, "host": one.host, "seen": round(one.seen, 1), "polls": one.polls}
            for one in found.kernels
        ],
    }

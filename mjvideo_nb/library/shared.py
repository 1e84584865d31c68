"""What kernels on many machines do together on one account: take turns, look for each other, tell each other."""

from __future__ import annotations

from .line import Line
from .postgres import PostgreSQL
from .presence import Lease
from .sights import Sights
from .switchboard import Switchboard

__all__ = ["SharedAccount"]


class SharedAccount:
    """An account that many kernels share.

    Args:
        database: where.
        lease: this kernel's.

    Attributes:
        line: whose turn it is.
        sights: what was seen of the tasks.
        switchboard: hears the others.

    """

    def __init__(self, database: PostgreSQL, lease: Lease) -> None:
        self.line = Line(database, lease.token)
        self.sights = Sights(database)
        self.switchboard = Switchboard(database, lease)

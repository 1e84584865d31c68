"""HTTP connections that the application can end without an answer."""

from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

HANG_UP = "sandbox.hang_up"


class Connection(H11Protocol):
    """uvicorn's own protocol, which gives the application one thing more: a way to close the connection at once."""

    def handle_events(self) -> None:
        super().handle_events()
        if self.scope:
            # The application's task was only just made: it sees this before its first step.
            scope = cast("dict[str, Any]", self.scope)
            scope.setdefault("extensions", {})[HANG_UP] = self.transport.close

"""What the account has left. CometAPI tells it at an address of its own, with the key in the query.

So that the key stands in no log, no traceback and no error, the transport adds it past the URL that those show.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .config import DEFAULT_BASE_URL, Secret
from .errors import AuthenticationError, InvalidRequest, MJVideoError, ServiceError
from .sent import Lost, NotSent
from .trouble import Reply, decode, trouble_of

if TYPE_CHECKING:
    from .transport import Timeout

__all__ = ["BALANCE_URL", "balance", "balance_at", "read_balance"]

BALANCE_URL = "https://query.cometapi.com"
BALANCE_PATH = "/user/quota"


async def balance_at(service: str, key: Secret | None) -> float:
    """What is left at the provider of a service, in USD.

    Args:
        service: its address; the speed in its path does not matter.
        key: of the account, or None where there is none.

    Raises:
        InvalidRequest: this service has no such address.
        AuthenticationError, ServiceError: as for `balance`.

    """
    if key is None or urlsplit(service).hostname != urlsplit(DEFAULT_BASE_URL).hostname:
        raise InvalidRequest(f"Only {DEFAULT_BASE_URL} tells a balance; ask the provider of {service}.")
    return await balance(key)


async def balance(key: Secret, *, url: str = BALANCE_URL, timeout: float | Timeout | None = None) -> float:
    """What is left, in USD.

    Args:
        key: goes into the query of this one request.
        url: where to ask, without the path.
        timeout: seconds, or an `httpx.Timeout`.

    Raises:
        AuthenticationError: the key is not known there.
        ServiceError: no answer, or none that can be read.

    """
    from .transport import Transport

    transport = Transport(url, key, timeout=timeout)
    outcome: MJVideoError
    try:
        reply = await transport.get(BALANCE_PATH, secret_query="key")  # noqa: S106 - the name of the field
    except (NotSent, Lost) as error:
        outcome = ServiceError(f"{url} could not be reached ({error}).")
    else:
        return read_balance(reply, url)
    finally:
        await transport.close()
    raise outcome


def read_balance(reply: Reply, url: str) -> float:
    """The figure that an answer holds: `total_quota`, in USD.

    Raises:
        AuthenticationError, ServiceError: as for `balance`.

    """
    body = decode(reply.content)
    figure = body.get("total_quota") if isinstance(body, Mapping) else None
    if reply.ok and isinstance(figure, int | float) and not isinstance(figure, bool) and math.isfinite(figure):
        return float(figure)
    trouble = trouble_of(body)
    said = f"“{trouble.words}”" if trouble.words else "nothing that can be read as a balance"
    raise (AuthenticationError if reply.status in {401, 403} else ServiceError)(
        f"{url} answered {said} (HTTP {reply.status}).",
        status=reply.status,
        code=trouble.code,
        description=trouble.words,
    )

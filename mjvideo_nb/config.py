"""Key, base URL, price and folders: where each comes from, in which order.

| what      | argument    | environment          | else                                     |
|-----------|-------------|----------------------|------------------------------------------|
| key       | `api_key=`  | `COMETAPI_KEY`       | the system's key store (extra `keyring`) |
| base URL  | `base_url=` | `COMETAPI_BASE_URL`  | `https://api.cometapi.com`               |
| price     | `price=`    | `MJVIDEO_PRICE`      | 0.60 USD a call                          |
| library   | `library=`  | `MJVIDEO_LIBRARY`    | `./mjvideo`                              |
| database  | `database=` | `MJVIDEO_DATABASE`   | a file in the library's folder           |
| sandbox   | `sandbox=`  | `MJVIDEO_SANDBOX`    | where there is no key                    |

The names of the first two are those of the provider's own SDK.
"""

from __future__ import annotations

import getpass
import hashlib
import importlib.util
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .errors import InvalidRequest

__all__ = [
    "DEFAULT_BASE_URL",
    "DEFAULT_PRICE",
    "HOW_TO_GIVE_A_KEY",
    "Secret",
    "account_of",
    "api_key",
    "base_url",
    "database",
    "library",
    "library_url",
    "person",
    "price",
    "secret_headers",
]

DEFAULT_BASE_URL = "https://api.cometapi.com"
DEFAULT_PRICE = 0.60
"""USD a call, as of July 2025; a setting because providers change it."""
DEFAULT_LIBRARY = "mjvideo"
KEYRING_SERVICE = "mjvideo-nb"
LONGEST_NAME = 255
"""Characters of a person's name."""

HOW_TO_GIVE_A_KEY = (
    "Set the environment variable COMETAPI_KEY, pass api_key=, or keep the key in the system's key store "
    f'(pip install "mjvideo-nb[keyring]", then: keyring set {KEYRING_SERVICE} COMETAPI_KEY).'
)


class Secret:
    """A value that shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one header it belongs in."""
        return self._value

    def matches(self, pattern: str) -> bool:
        """Whether the whole value is like this. Asked here, so that no local variable ever holds it."""
        return re.fullmatch(pattern, self._value) is not None

    @property
    def digest(self) -> str:
        """The same text for the same value, which does not tell it."""
        return hashlib.sha256(self._value.encode()).hexdigest()

    def __repr__(self) -> str:
        return "[secret]"

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("a key is not pickled: give it to the other process by its environment")


def api_key(value: str | Secret | None = None) -> Secret | None:
    """The key, or None where there is none.

    Args:
        value: a key given by the caller; it wins over the environment and the key store. One that was checked already,
            a `Secret`, comes back as it is.

    Raises:
        InvalidRequest: the key holds a character that no HTTP header can; names where it came from.

    """
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str | None):
        raise InvalidRequest(f"api_key: text, not {type(value).__name__}.", field="api_key")
    # Wrapped at once: whatever fails from here on, no traceback that shows local variables shows the key.
    secret = Secret((value or os.environ.get("COMETAPI_KEY") or _stored_key() or "").strip())
    if secret.matches(""):
        return None
    source = "api_key" if value else "COMETAPI_KEY" if os.environ.get("COMETAPI_KEY") else "key store"
    if secret.matches(r"https?://.*"):
        raise InvalidRequest(
            f"{source}: this is an address and no key; an address goes into base_url= or COMETAPI_BASE_URL.",
            field="api_key",
        )
    if not secret.matches(r"[\x21-\x7e]+"):
        raise InvalidRequest(
            f"{source}: the key holds a space, a line break or a letter beyond ASCII; copy it once more.",
            field="api_key",
        )
    return secret


def secret_headers(headers: Mapping[str, str] | Mapping[str, Secret] | None) -> dict[str, Secret]:
    """Further headers by their lower-case names, each value kept like a key: a proxy takes its key in one.

    Raises:
        InvalidRequest: no mapping, or a name or value that cannot stand in an HTTP header.

    """
    if not isinstance(headers, Mapping | None):
        raise InvalidRequest('headers: a mapping such as {"mj-api-secret": key}.', field="headers")
    kept: dict[str, Secret] = {}
    for name in headers or {}:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise InvalidRequest(f"headers: {name!r} cannot be the name of a header.", field="headers")
        value = (headers or {})[name]
        kept[name.lower()] = secret = value if isinstance(value, Secret) else Secret(value)
        del value
        if not isinstance(secret.reveal(), str):
            raise InvalidRequest(
                f"headers: the value of {name} is text, not {type(secret.reveal()).__name__}.", field="headers"
            )
        if not secret.matches(r"[\x20-\x7e]*"):
            raise InvalidRequest(
                f"headers: the value of {name} holds a line break or a letter beyond ASCII.", field="headers"
            )
    return kept


def _stored_key() -> str | None:
    if importlib.util.find_spec("keyring") is None:
        return None
    import keyring
    import keyring.errors

    try:
        stored: str | None = keyring.get_password(KEYRING_SERVICE, "COMETAPI_KEY")
    except keyring.errors.KeyringError:
        # No key store on this machine (a container, a hub): the same as none kept in it.
        return None
    return stored


def base_url(value: str | None = None) -> str:
    """Where the service is, without a trailing `/` or `/v1`; a path such as `/mj-fast` stays.

    Raises:
        InvalidRequest: it is no http(s) URL, or holds a user name and password.

    """
    if not isinstance(value, str | None):
        raise InvalidRequest(f"base_url: text, not {type(value).__name__}.", field="base_url")
    text = (value or os.environ.get("COMETAPI_BASE_URL") or DEFAULT_BASE_URL).strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or re.search(r"\s", text):
        # A key given in the wrong place, or a password, is not repeated.
        shown = repr(text) if re.search(r"[:/.]", text) and "@" not in text else "this"
        raise InvalidRequest(
            f"base_url: {shown} is no URL. It begins with http:// or https://, such as {DEFAULT_BASE_URL} "
            "(argument base_url=, or COMETAPI_BASE_URL).",
            field="base_url",
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidRequest(
            "base_url: give the address alone, without user name, query or fragment; the key goes in api_key=.",
            field="base_url",
        )
    address = urlunsplit(parts._replace(netloc=parts.netloc.lower()))  # one service, one spelling: others compare it
    return re.sub(r"(/+v1)?/*$", "", address)


def account_of(service: str) -> str:
    """What stands for the account in a service's address: all but the path, which may choose a speed."""
    parts = urlsplit(service)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def price(value: float | Mapping[str, float] | None = None) -> float | Mapping[str, float]:
    """What a call costs in USD: one figure, or one by video type (`{"480p": 0.6, "720p": 1.1}`).

    Raises:
        InvalidRequest: not a number, or below zero.

    """
    if value is None:
        text = os.environ.get("MJVIDEO_PRICE")
        try:
            value = float(text) if text else DEFAULT_PRICE
        except ValueError as error:
            raise InvalidRequest(f"MJVIDEO_PRICE: a number of USD, not {text!r}.", field="price") from error
    for figure in value.values() if isinstance(value, Mapping) else [value]:
        if isinstance(figure, bool) or not isinstance(figure, int | float) or not 0 <= figure < math.inf:
            raise InvalidRequest(f"price: a number of USD, 0 or more, not {figure!r}.", field="price")
    return value


def library(value: str | Path | None = None) -> Path:
    """The folder that keeps everything, beside the notebook unless told otherwise; also where clips are copied to a URL."""
    return Path(DEFAULT_LIBRARY if library_url(value) else _library(value)).expanduser()


def library_url(value: str | Path | None = None) -> str:
    """The URL of the storage that clips are copied to, or "" where the library is just a folder."""
    text = _library(value)
    return text if "://" in text else ""


def _library(value: str | Path | None) -> str:
    return str(value or os.environ.get("MJVIDEO_LIBRARY") or DEFAULT_LIBRARY)


def database(value: str | Secret | None = None) -> Secret | None:
    """The address of the database that kernels on many machines share, or None for a file of the library's folder.

    Raises:
        InvalidRequest: it is no address of a PostgreSQL database.

    """
    if isinstance(value, Secret):
        return value
    address = Secret(str(value or os.environ.get("MJVIDEO_DATABASE") or "").strip())
    if address.matches(""):
        return None
    if not address.matches(r"postgres(ql)?(\+psycopg)?://\S+"):
        # It may hold a password, so it is not repeated.
        raise InvalidRequest(
            "database: an address such as postgresql+psycopg://user@host/name (argument database=, or MJVIDEO_DATABASE); "
            "a folder goes into library=.",
            field="database",
        )
    return address


def person() -> str:
    """Who works here: the name that a JupyterHub gives, else the system's; "" where there is none."""
    name = os.environ.get("JUPYTERHUB_USER")
    if not name:
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # no such user in the system's list, as in some containers
            name = ""
    return name[:LONGEST_NAME]


def sandbox_forced() -> bool:
    """Whether the environment asks for the sandbox even where there is a key, as `mjvideo-nb demo` does."""
    return os.environ.get("MJVIDEO_SANDBOX", "").strip().lower() not in {"", "0", "false", "no"}

"""The URL of a storage: what it may be, which package speaks to it, and what of it no message may repeat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .config import Secret
from .errors import InvalidRequest
from .redaction import Redaction

__all__ = ["OBJECT_STORES", "Address", "is_url"]

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "oss", "oci"})
"""Where an object appears under its name only when it has arrived in full."""
ON_DISK = frozenset({"file", "local", "memory"})
WITH_ACCOUNT = frozenset({"az", "abfs", "abfss", "oci", "ocilake"})
"""Where `a@b` is the container or bucket of an account, and no user of a host."""

PACKAGES = {"smbclient": "smbprotocol", "gdrive_fsspec": "gdrive-fsspec", "lakefs_spec": "lakefs-spec"}
"""What to install for a module, where it goes by another name."""

OPEN_OPTIONS = re.compile(
    r"account_name|addressing_style|anon|endpoint(_url)?|host|location|port|profile|project|protocol|region(_name)?"
    r"|signature_version"
)
"""Names of options whose values may be shown; every other one is taken for a secret."""


def is_url(text: str) -> bool:
    """Whether a library is named by a URL (`"s3://bucket/prefix"`, `"file:///mnt/clips"`), not by a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.:_-]+://", text) is not None


class Address:
    """Where a storage is.

    Args:
        url: as the user gave it.
        options: fsspec's storage options, which hold secrets that an error may repeat.

    Attributes:
        scheme: such as `"s3"`.
        url: the whole of it, as fsspec takes it; it may hold a password.
        shown: the same without user name and password.

    Raises:
        InvalidRequest: it is no URL of a storage, or a package for it is missing. Names the field `library`.

    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.scheme, rest = _split(url)
        _load(self.scheme)
        login = _login(self.scheme, rest)
        self.url = f"{self.scheme}://{rest}"
        self.shown = f"{self.scheme}://{rest.removeprefix(f'{login}@').rstrip('/')}"
        self._redaction = Redaction(
            Secret(text) for text in (*login.split(":", 1), *unquote(login).split(":", 1), *_texts(options))
        )

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    def of(self, name: str) -> str:
        """The URL of what is kept under a name, to be shown."""
        return f"{self.shown}{'' if self.shown.endswith('/') else '/'}{name}"

    def without_secrets(self, words: str) -> str:
        """A backend's words, without what it was given in confidence."""
        words = re.sub(r"(\w://)[^\s/@]+:[^\s/@]*@", r"\1", self._redaction.text(words))
        return re.sub(r"(\w://[^\s?]+)\?[^\s'\"]+", r"\1", words)  # a signed URL opens what it names


def _bad(message: str) -> InvalidRequest:
    return InvalidRequest(f"library: {message}", field="library")


def _split(url: str) -> tuple[str, str]:
    """Scheme and the rest, of a URL that can name a storage. Nothing of another is repeated: it may hold a password."""
    if not is_url(url):
        raise _bad("this is no URL of a storage, which looks like s3://bucket/prefix.")
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if ":" in scheme:
        raise _bad("a chain of file systems (with ::) can hide what is stored; give the URL of the storage alone.")
    if scheme in {"http", "https"}:
        raise _bad(f"{scheme}:// is a web page's address, which takes no copies; give s3://bucket/prefix or the like.")
    if scheme in OBJECT_STORES and not rest.strip("/"):
        raise _bad(f"{scheme}:// names no bucket; write {scheme}://bucket/prefix.")
    if "?" in rest and scheme not in ON_DISK:
        raise _bad("the URL has a query (?…), which a storage does not read; give it as a storage option.")
    if scheme in OBJECT_STORES and _login(scheme, rest):
        raise _bad("credentials in the URL of a bucket are not read; give them in the environment or as options.")
    return scheme, rest


def _load(scheme: str) -> None:
    """Load what speaks to this kind of storage, so that what is missing is said at once."""
    try:
        from fsspec.registry import get_filesystem_class, known_implementations
    except ImportError as error:
        raise _bad('a URL needs fsspec; pip install "mjvideo-nb[cloud]", or name a folder.') from error
    try:
        get_filesystem_class(scheme)
    except ImportError as error:
        module = known_implementations[scheme]["class"].split(".")[0]
        if module == "fsspec":  # one of its own, which needs another's package
            module = getattr(error.__cause__, "name", None) or module
        raise _bad(
            f"{scheme}:// needs a package that is not installed; pip install {PACKAGES.get(module, module)}."
        ) from error
    except ValueError as error:
        raise _bad(
            f"{scheme}:// is no storage that fsspec knows. It knows s3://, gs://, az://, sftp://, file:// and others; "
            f"pip install the package that brings {scheme}://, or name a folder."
        ) from error


def _login(scheme: str, rest: str) -> str:
    """`user:password` of the URL, or `""`."""
    login = rest.split("/", maxsplit=1)[0].rpartition("@")[0]
    return "" if scheme in WITH_ACCOUNT and ":" not in login else login


def _texts(value: Any) -> Iterator[str]:
    """Every text in the options but those that are known to be none."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not OPEN_OPTIONS.fullmatch(str(name)):
                yield from _texts(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, str):
        yield value

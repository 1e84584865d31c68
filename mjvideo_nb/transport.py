"""HTTP, and the one question that matters about a request that failed: was it sent?

The only module that names httpx. A request ends in a `Reply`, in `NotSent` (nothing reached the service) or in `Lost`
(it may have arrived). The key goes to the service's own origin only; it is taken out of whatever comes back, and the
library's exceptions, whose tracebacks hold the request with its headers, are left behind here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import quote, urlsplit

import httpcore
import httpx
from httpx import AsyncClient, Timeout

from .config import Secret, secret_headers
from .errors import InvalidRequest
from .redaction import Redaction
from .sent import Astray, Lost, NotSent, Stream
from .trouble import Reply

__all__ = ["DEFAULT_TIMEOUT", "AsyncClient", "Timeout", "Transport"]

DEFAULT_TIMEOUT = Timeout(120.0, connect=15.0)
"""Seconds. A gateway may hold a submit until its own upstream has answered."""

NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""Raised before the first byte of a request leaves. Not so `InvalidURL` and `LocalProtocolError`: an odd redirect or, over
HTTP/2, an odd answer raises them too."""
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
"""Some storage hosts refuse unusual user agents."""
REDIRECTS = 5
PIECE = 256 * 1024
"""Bytes to take from a connection at a time, which is what asyncio offers; httpcore asks for 64 kB, and four times as many
round trips through its layers cost a fifth of the speed of a download."""
SECRET_NAMES = re.compile("auth|cookie|key|pass|secret|session|token")
"""Headers whose values are taken out of what comes back; those of others (a referer, a mode) belong in links too."""
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Transport:
    """Connections to one service.

    Args:
        base_url: the service's address.
        key: sent as `Authorization: Bearer`, to that address's origin only.
        timeout: seconds, or an `httpx.Timeout`.
        headers: further headers for the service (such as `mj-api-secret`), to the same origin only.
        http: a ready `httpx.AsyncClient`, used for everything and left open at the end.

    """

    def __init__(
        self,
        base_url: str,
        key: Secret | None,
        *,
        timeout: float | Timeout | None = None,
        headers: Mapping[str, str] | Mapping[str, Secret] | None = None,
        http: AsyncClient | None = None,
    ) -> None:
        self.base_url = base_url
        self._origin = _origin(base_url)
        self._key = key
        self._headers = secret_headers(headers)
        like_keys = (value for name, value in self._headers.items() if SECRET_NAMES.search(name))
        self._redaction = Redaction(secret for secret in (key, *like_keys) if secret)
        ready = http.timeout if http else DEFAULT_TIMEOUT
        self._timeout = ready if timeout is None else Timeout(timeout)
        self._own = http is None
        self.is_local = urlsplit(base_url).hostname in LOOPBACK
        # A proxy from the environment cannot reach a service on this machine's loopback.
        proxied = not self.is_local
        self._http = http or _connections(self._timeout, trust_env=proxied)
        # A kept connection may be half closed, and the answer to a submit lost with it: each has a fresh one.
        self._fresh = http or _connections(
            self._timeout, trust_env=proxied, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def close(self) -> None:
        """Close the connections that are ours."""
        if self._own:
            await self._http.aclose()
            await self._fresh.aclose()

    async def get(self, path: str, *, secret_query: str = "") -> Reply:
        """`GET` below the base URL. Redirects are not followed.

        Args:
            path: below the base URL.
            secret_query: the name under which the key goes into the query instead of into a header.

        Raises:
            NotSent, Lost: no answer.

        """
        return await self._ask(self._http, "GET", path, None, secret_query)

    async def post(self, path: str, body: Any, *, once: bool = False) -> Reply:
        """`POST` JSON below the base URL. Redirects are not followed.

        Args:
            path: below the base URL.
            body: anything JSON can hold.
            once: the request must not be repeated: use a connection of its own.

        Raises:
            NotSent, Lost: no answer.
            ValueError: the body cannot be JSON.

        """
        return await self._ask(self._fresh if once else self._http, "POST", path, body)

    async def _ask(self, http: AsyncClient, method: str, path: str, body: Any, secret_query: str = "") -> Reply:
        url = self.base_url + path
        if http.is_closed:
            raise Astray("this client is closed")
        outcome: Exception
        try:
            request = http.build_request(
                method, url, json=body, headers=self._headers_for(url, bearer=not secret_query), timeout=self._timeout
            )
        except httpx.InvalidURL as error:
            outcome = Astray(self._redaction.text(str(error)))
        else:
            if secret_query and self._key:
                # Past the URL, which is logged and stands in every traceback.
                query = f"?{secret_query}=".encode()
                request.extensions["target"] = (
                    request.url.raw_path + query + quote(self._key.reveal(), safe="").encode()
                )
            try:
                response = await http.send(request, follow_redirects=False)
            except Exception as error:  # noqa: BLE001 - whatever it is, from here on the request may have arrived
                outcome = self._lost(error)
            else:
                return self._reply(response)
            finally:
                del request  # its headers hold the key, and a traceback may show what the frames of an error hold
        raise outcome

    def _reply(self, response: httpx.Response) -> Reply:
        headers = {name.lower(): self._redaction.text(value) for name, value in response.headers.items()}
        return Reply(response.status_code, self._redaction.content(response.content), headers)

    def _lost(self, error: Exception) -> Exception:
        """Whether the request never left, in words that hold no secret."""
        reason = self._redaction.text(re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__)
        if not isinstance(error, NEVER_LEFT):
            return Lost(reason)
        return (Astray if _is_distrusted(error) or isinstance(error, httpx.UnsupportedProtocol) else NotSent)(reason)

    def _headers_for(self, url: str, *, bearer: bool = True) -> dict[str, str]:
        """Ours and the key for the service's own origin; for any other host what a browser would send."""
        if _origin(url) != self._origin:
            return {"user-agent": BROWSER}
        headers = {"user-agent": "mjvideo-nb", "accept": "application/json"}
        if self._key and bearer:
            headers["authorization"] = f"Bearer {self._key.reveal()}"
        return headers | {name: secret.reveal() for name, secret in self._headers.items()}

    @asynccontextmanager
    async def stream(self, url: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[Stream]:
        """`GET` of any URL, read piece by piece, redirects followed with the headers chosen anew for each host.

        Raises:
            NotSent, Lost: no answer, or it broke off; also from within the reading.

        """
        response = await self._open(url, headers or {})
        try:
            yield Stream(
                response.status_code,
                {name.lower(): self._redaction.text(value) for name, value in response.headers.items()},
                self._chunks(response),
                self._redaction.text(str(response.url)),
            )
        finally:
            await response.aclose()

    async def _open(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        outcome: Exception = Astray(f"more than {REDIRECTS} redirects")
        try:
            for _ in range(REDIRECTS + 1):
                # The bytes as they are: a length and a range mean nothing for a compressed copy.
                own = {"accept": "*/*", "accept-encoding": "identity", "user-agent": BROWSER}
                request = self._http.build_request(
                    "GET", url, headers=self._headers_for(url) | own | dict(headers), timeout=self._timeout
                )
                try:
                    response = await self._http.send(request, stream=True, follow_redirects=False)
                finally:
                    del request
                if not response.has_redirect_location:
                    return response
                await response.aclose()
                url = str(response.url.join(response.headers["location"]))
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            outcome = Astray(str(self._lost(error)))
        except Exception as error:  # noqa: BLE001 - an odd redirect raises what the HTTP library borrows from others
            outcome = self._lost(error)
        raise outcome

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        outcome: Exception | None = None
        # What begins like a video is passed on as it is: looking through all of it would cost more than bringing it.
        words: bool | None = None
        try:
            async for chunk in response.aiter_bytes():
                words = b"ftyp" not in chunk[:64] if words is None else words
                yield self._redaction.content(chunk) if words else chunk
        except httpx.HTTPError as error:
            outcome = self._lost(error)
        if outcome:
            raise outcome

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r})"


def _connections(timeout: Timeout, *, trust_env: bool, limits: httpx.Limits | None = None) -> AsyncClient:
    """A client with the proxies of the environment (`HTTPS_PROXY`, `NO_PROXY` and so on) and verified certificates."""
    outcome: Exception
    try:
        http = AsyncClient(timeout=timeout, trust_env=trust_env, limits=limits or httpx.Limits())
    except ImportError:
        outcome = InvalidRequest(
            'proxy: the environment names a SOCKS proxy; to use it: pip install "httpx[socks]".', field="proxy"
        )
    except (ValueError, httpx.InvalidURL):
        outcome = InvalidRequest(
            "proxy: HTTP_PROXY, HTTPS_PROXY or ALL_PROXY holds an address that is none; it looks like "
            "http://proxy.example:3128.",
            field="proxy",
        )
    else:
        _read_large_pieces(http)
        return http
    raise outcome


def _read_large_pieces(http: AsyncClient) -> None:
    """There is no setting for it; where a later version keeps its connections elsewhere, they stay as they are."""
    for transport in (http._transport, *http._mounts.values()):  # noqa: SLF001
        pool: Any = getattr(transport, "_pool", None)
        if hasattr(pool, "_network_backend"):
            pool._network_backend = _LargePieces(pool._network_backend, lambda: http.is_closed)  # noqa: SLF001


class _LargePieces(httpcore.AsyncNetworkBackend):
    """Opens connections as another backend does, and reads from them in larger pieces."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, is_closed: Callable[[], bool]) -> None:
        self._backend = backend
        self._is_closed = is_closed

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        stream = await self._backend.connect_tcp(*args, **options)
        if self._is_closed():  # meanwhile: nobody would close this one
            await stream.aclose()
            raise httpcore.ConnectError("this client is closed")
        return _LargePieceStream(stream)

    async def connect_unix_socket(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return _LargePieceStream(await self._backend.connect_unix_socket(*args, **options))

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class _LargePieceStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max(max_bytes, PIECE), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return _LargePieceStream(await self._stream.start_tls(*args, **options))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _is_distrusted(error: BaseException) -> bool:
    """Whether the certificate is to blame: it will be the same the next time."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # no address at all, and so nobody's origin
        return "", "", None
    return parts.scheme, (parts.hostname or "").lower(), port or {"http": 80, "https": 443}.get(parts.scheme)

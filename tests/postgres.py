"""Find a PostgreSQL server or install one, and run a cluster of the tests' own: ``python tests/postgres.py`` prints its folder.

No server is a failure with a remedy, never a skip: what several machines do at once is seen on a real one only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

if __name__ == "__main__":  # as a script it knows its own folder only
    sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.installing import NotInstalledError, Way, apt_get, report, root_prefix, runs
from tests.installing import find_or_install as found_or_installed
from tests.loopback import unused_port

PROGRAMS = ("initdb", "pg_ctl", "postgres")
DEBIAN = Path("/usr/lib/postgresql")
REMEDY = """No PostgreSQL server was found, and none could be installed. Install one of these and run again:
  Debian:         apt-get update && apt-get install --no-install-recommends postgresql    (as root)
  anywhere else:  PostgreSQL 13 or newer with its server, so that initdb, pg_ctl and postgres are on the PATH"""
NO_CLUSTER = "/etc/postgresql-common/createcluster.d/mjvideo.conf"
"""Read by Debian's package when it is installed: the tests have no use for a cluster of the machine."""

OWNER = "owner"
DRIVER = "postgresql+psycopg"
SECONDS = 120
"""How long one of the programs may take."""
SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 400
shared_buffers = 64MB
fsync = on
synchronous_commit = on
log_min_messages = warning
"""
GUARD = """
read -r _
"$1" stop --pgdata "$2/data" --mode immediate -w
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$2" && exit; sleep 1; done
exit 1
"""
"""Ends when its input does, with whoever held the other end, and takes the server and the folder along.

A server that was just being started has no file yet by which it could be stopped. It ends without its folder, and may put
something into it before.
"""


class NoPostgresError(NotInstalledError):
    """No server here, and none to be had. The message says how to install one."""


def find() -> str | None:
    """The folder of a server's programs, or None."""
    return next((str(folder) for folder in _folders() if _complete(folder)), None)


def find_or_install() -> str:
    """The folder of a server's programs, installed now if there were none. Raises `NoPostgresError` with the remedy."""
    return found_or_installed(
        find,
        _ways_to_install(),
        name="PostgreSQL server",
        refusal=NoPostgresError,
        remedy=REMEDY,
        unfound="the server does not start",
    )


class Cluster:
    """A server on loopback with a folder of its own, for as long as the `with` lasts or the process lives.

    with Cluster() as cluster:
        url = cluster.create()

    Anybody on this machine may log in, under any password or none.
    """

    def __enter__(self) -> Self:
        self._programs = Path(find_or_install())
        self._as_user = _as_user()
        self._folder = _new_folder(self._as_user.get("user"))
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", self._programs / "pg_ctl", self._folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the tests
            **self._as_user,
        )
        try:
            self._make()
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def folder(self) -> Path:
        """All that the cluster keeps; gone at the end."""
        return self._folder

    @property
    def log(self) -> str:
        """What the server has said so far."""
        path = self._folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int | None:
        """The process of the server, parent of all its others; None while it is stopped."""
        if self._run("pg_ctl", "status", *self._data).returncode != 0:
            return None
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def url(self, database: str) -> str:
        """As SQLAlchemy takes it."""
        return f"{DRIVER}://{OWNER}@127.0.0.1:{self._port}/{database}"

    def create(self) -> str:
        """The URL of a new and empty database. Starts the server if a test has left it stopped."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it. Starts the server if a test has left it stopped."""
        self._execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def start(self) -> None:
        """Returns when it takes connections, with what it had to recover. Nothing to do if it runs."""
        if self.pid is None:
            self._must("pg_ctl", "start", *self._data, *self._log_file)

    def stop(self) -> None:
        """In order: clients are disconnected, all is written. Nothing to do if it is stopped."""
        self._stop("fast")

    def crash(self) -> None:
        """At once: nothing is written any more, and the next `start` recovers. Nothing to do if it is stopped."""
        self._stop("immediate")

    def restart(self) -> None:
        """`stop` and `start`, on the same port."""
        self._must("pg_ctl", "restart", *self._data, *self._log_file, "--mode", "fast")

    def _stop(self, mode: str) -> None:
        if self.pid is not None:
            self._must("pg_ctl", "stop", *self._data, "--mode", mode)

    def _make(self) -> None:
        data = self._folder / "data"
        how = ("--username", OWNER, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
        # It holds the guard's input too: the folder is not removed while it is filled.
        self._must("initdb", "--pgdata", data, *how, pass_fds=[self._guard.stdin.fileno()])
        self._port = unused_port()
        with (data / "postgresql.conf").open("a") as file:
            file.write(SETTINGS.format(port=self._port))

    def _end(self) -> None:
        """The guard does it: so it is done in the same way if this process is killed."""
        self._guard.stdin.close()
        if self._guard.wait(SECONDS) != 0:
            raise RuntimeError(f"The folder of the cluster could not be removed: {self._folder}")

    def _execute(self, statement: str) -> None:
        import psycopg

        self.start()
        with psycopg.connect(self.url("postgres").replace(DRIVER, "postgresql"), autocommit=True) as connection:
            connection.execute(statement)

    @property
    def _data(self) -> tuple[Any, ...]:
        return ("-w", "--timeout", "60", "--pgdata", self._folder / "data")

    @property
    def _log_file(self) -> tuple[Any, ...]:
        return ("--log", self._folder / "log")

    def _must(self, program: str, *arguments: Any, **how: Any) -> None:
        done = self._run(program, *arguments, **how)
        if done.returncode != 0:
            raise RuntimeError(f"{program} {arguments[0]} failed:\n{done.stdout}\n{self.log[-2000:]}")

    def _run(self, program: str, *arguments: Any, **how: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self._folder,
            env=_environment(),
            timeout=SECONDS,
            check=False,
            **self._as_user,
            **how,
        )


def _folders() -> Iterator[Path]:
    """Where the programs may be."""
    if path := shutil.which("initdb"):
        yield Path(path).resolve().parent
        yield Path(path).parent
    numbered = [folder for folder in DEBIAN.glob("*/bin") if re.fullmatch(r"[\d.]+", folder.parent.name)]
    yield from sorted(numbered, key=lambda folder: float(folder.parent.name), reverse=True)
    if config := shutil.which("pg_config"):
        done = subprocess.run([config, "--bindir"], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0:
            yield Path(done.stdout.strip())


def _complete(folder: Path) -> bool:
    """Whether all the programs are there: those of a client may be there without the server's."""
    return all(os.access(folder / name, os.X_OK) for name in PROGRAMS) and runs(str(folder / "postgres"))


def _ways_to_install() -> Iterator[Way]:
    if apt := apt_get():
        root = root_prefix()
        write = f"mkdir -p {Path(NO_CLUSTER).parent} && echo 'create_main_cluster = false' >{NO_CLUSTER}"
        commands = [
            [*apt, "update"],
            [*root, "sh", "-c", write],
            [*apt, "install", "-y", "--no-install-recommends", "postgresql"],
            [*root, "rm", "-f", NO_CLUSTER],
        ]
        yield Way("apt-get", commands)


def _as_user() -> dict[str, Any]:
    """Who runs the programs, as `subprocess` takes it: they refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    import pwd  # not on Windows, where the tests that need no server import this module too

    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _new_folder(user: int | None) -> Path:
    """Theirs. Another user than ours may not get into our own temporary folder, but gets into /tmp."""
    if user is None:
        return Path(tempfile.mkdtemp(prefix="mjvideo-postgres-"))
    folder = tempfile.mkdtemp(prefix="mjvideo-postgres-", dir="/tmp")
    os.chown(folder, user, -1)
    return Path(folder)


def _environment() -> dict[str, str]:
    """Without what would tell the programs of another cluster."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


if __name__ == "__main__":
    sys.exit(report(find_or_install))

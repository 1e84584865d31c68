"""The cluster of the tests keeps what it has promised, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from tests import installing, postgres
from tests.patience import PATIENCE
from tests.postgres import Cluster

PROJECT = Path(__file__).parent.parent
HOLD = """\
import sys
from tests.postgres import Cluster
with Cluster() as cluster:
    print(cluster.pid, cluster.folder, flush=True)
    sys.stdin.read()
"""

INSTALL = """\
import sys
from pathlib import Path
from tests import installing
thing = Path(sys.argv[1])
def find():
    return str(thing) if thing.exists() else None
ways = [
    installing.Way("luck", [["false"]]),
    installing.Way("patience", [["sh", "-c", f"sleep 1; echo installed >>{thing}"]]),
]
print(installing.find_or_install(
    find, ways, name="thing", refusal=installing.NotInstalledError, remedy="", unfound=""
))
"""


def begin(url):
    return create_engine(url, poolclass=NullPool).begin()


def fill(url):
    with begin(url) as connection:
        connection.execute(text("CREATE TABLE words (word text)"))
        connection.execute(text("INSERT INTO words VALUES ('kept')"))


def write_meanwhile(url, what):
    """What happens between a write and its commit."""
    with begin(url) as connection:
        connection.execute(text("INSERT INTO words VALUES ('lost')"))
        what()


def words(url):
    with begin(url) as connection:
        return list(connection.scalars(text("SELECT word FROM words")))


def family(pid):
    """The server and all the processes under it."""
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


def left(processes):
    """Those that still run after a while. What has ended and is not asked for its exit code is no more than a line in a table."""
    deadline = time.monotonic() + PATIENCE
    while alive := [process for process in processes if _runs(process)]:
        if time.monotonic() > deadline:
            return alive
        time.sleep(0.05)
    return []


def _runs(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_each_database_is_empty_and_another(cluster):
    first, second = cluster.create(), cluster.create()
    try:
        fill(first)
        with pytest.raises(Exception, match=r'relation "words" does not exist'):
            words(second)
    finally:
        cluster.drop(first)
        cluster.drop(second)


def test_a_dropped_database_is_gone_whoever_uses_it(cluster):
    url = cluster.create()
    fill(url)
    with pytest.raises(OperationalError):
        write_meanwhile(url, lambda: cluster.drop(url))
    with pytest.raises(OperationalError, match="does not exist"):
        words(url)


def test_a_restart_keeps_what_was_written(cluster, shared_database):
    fill(shared_database)
    before = cluster.pid
    cluster.restart()
    assert cluster.pid != before
    assert words(shared_database) == ["kept"]


def test_a_crash_keeps_what_was_committed_and_nothing_else(cluster, shared_database):
    fill(shared_database)
    with pytest.raises(OperationalError):
        write_meanwhile(shared_database, cluster.crash)
    assert cluster.pid is None
    with pytest.raises(OperationalError):
        words(shared_database)
    cluster.start()
    assert words(shared_database) == ["kept"]


def test_a_crash_is_one(cluster, shared_database):
    """What tells it from a stop: the files are as after a loss of power, and are recovered."""
    states = []
    for end in (cluster.stop, cluster.crash):
        end()
        states.append(cluster._run("pg_controldata", cluster.folder / "data").stdout)
        cluster.start()
    orderly, crashed = (next(line for line in state.splitlines() if "cluster state" in line) for state in states)
    assert orderly.endswith("shut down")
    assert crashed.endswith("in production")


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
def test_it_is_as_careful_as_a_real_one(shared_database, setting):
    with begin(shared_database) as connection:
        assert connection.scalar(text(f"SHOW {setting}")) == "on"


def test_a_stop_leaves_no_process_and_the_next_start_all_data(cluster, shared_database):
    fill(shared_database)
    processes = family(cluster.pid)
    assert len(processes) > 1
    cluster.stop()
    assert left(processes) == []
    assert cluster.pid is None
    cluster.start()
    assert words(shared_database) == ["kept"]


def test_a_test_that_leaves_it_stopped_spoils_no_other(cluster):
    cluster.crash()
    cluster.drop(cluster.create())


def test_the_log_says_what_went_wrong(cluster, shared_database):
    with pytest.raises(Exception, match="no_such_table"), begin(shared_database) as connection:
        connection.execute(text("SELECT * FROM no_such_table"))
    assert 'relation "no_such_table" does not exist' in cluster.log


def test_its_end_leaves_neither_a_process_nor_a_folder(monkeypatch):
    monkeypatch.setenv("PGDATA", "/nowhere")
    with Cluster() as cluster:
        processes, folder = family(cluster.pid), cluster.folder
    assert left(processes) == []
    assert not folder.exists()


def test_a_start_that_fails_says_why_and_leaves_no_folder(monkeypatch):
    monkeypatch.setattr(postgres, "SETTINGS", postgres.SETTINGS + "no_such_setting = on\n")
    cluster = Cluster()
    with pytest.raises(RuntimeError, match='unrecognized configuration parameter "no_such_setting"'):
        cluster.__enter__()
    assert not cluster.folder.exists()


def test_whoever_is_killed_leaves_neither_a_process_nor_a_folder():
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as holder:
        pid, folder = holder.stdout.readline().split()
        processes = family(int(pid))
        guard = [child for child in psutil.Process(holder.pid).children() if child.pid != int(pid)]
        assert len(guard) == 1
        holder.kill()
    assert left(processes + guard) == []
    assert not Path(folder).exists()


def test_no_server_is_a_failure_with_a_remedy(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    assert installing.report(postgres.find_or_install) == 1
    assert "apt-get install --no-install-recommends postgresql" in capsys.readouterr().err


def test_of_several_processes_one_installs_and_says_so(tmp_path):
    thing = tmp_path / "thing"
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", INSTALL, thing],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=PATIENCE) for process in started]
    assert [out.strip() for out, _ in ended] == [str(thing)] * 3
    assert thing.read_text() == "installed\n"
    assert re.fullmatch(
        r"No thing found: installing it with luck; about a minute\.\n"
        r"thing could not be installed with luck: \d+ s\.\n"
        r"No thing found: installing it with patience; about a minute\.\n"
        r"thing is installed: \d+ s\.\n",
        "".join(err for _, err in ended),
    )


def test_the_newest_of_debian_comes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    for version in ("9.6", "15", "17", "18"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        for name in postgres.PROGRAMS[: 2 if version == "18" else 3]:  # of the newest, not all is there
            (folder / name).write_text("#!/bin/sh\necho here\n")
            (folder / name).chmod(0o755)
    assert postgres.find() == str(tmp_path / "17" / "bin")

"""The process: it starts, says why when it does not, and is gone when its starter is gone, workers and all."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import psutil
import pytest

from mjvideo_nb.sandbox import process as process_module
from mjvideo_nb.sandbox.process import SandboxError, SandboxProcess, missing
from tests.patience import PATIENCE, wait_for

from .conftest import Caller

STARTER = """
import os, sys, time
from mjvideo_nb.sandbox.process import SandboxProcess
process = SandboxProcess.start(seconds=0, store=sys.argv[1])
print(process.url, process.pid, flush=True)
time.sleep(3600)
"""


@pytest.fixture(autouse=True)
def _all_is_rendered(monkeypatch):
    """Nothing has been filmed before, so that there is work in whose midst something can happen."""
    monkeypatch.delenv("MJVIDEO_SANDBOX_CLIPS")


def runs(process):
    """Whether it does; it may end between two looks."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(processes):
    """Wait until none of these runs any more."""
    return wait_for(lambda: not any(map(runs, processes)))


def rendering(url, pid):
    """Give it work, and wait until its workers are there; the task, the server, the workers."""
    with httpx.Client(base_url=url, timeout=PATIENCE) as http:
        task_id = Caller(http).submit(batchSize=2)
    server = psutil.Process(pid)
    return task_id, server, wait_for(lambda: workers_of(server))


def workers_of(server):
    return [child for child in server.children(recursive=True) if "spawn_main" in " ".join(command_line(child))]


def command_line(process):
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_it_says_that_it_is_ready_on_one_line_and_nothing_else(tmp_path):
    command = [sys.executable, "-m", "mjvideo_nb.sandbox", "--port", "0", "--seconds", "0", "--store", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        ready = json.loads(server.stdout.readline())
        assert ready == {"url": ready["url"], "pid": server.pid}
        assert ready["url"].startswith("http://127.0.0.1:")
        with httpx.Client(base_url=ready["url"]) as http:
            assert Caller(http).make(batchSize=1)["status"] == "SUCCESS"
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
        assert (server.stdout.read(), server.stderr.read()) == ("", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_the_midst_of_its_work(tmp_path, number):
    with SandboxProcess.start(seconds=0, store=tmp_path) as sandbox:
        _, server, workers = rendering(sandbox.url, sandbox.pid)
        os.kill(sandbox.pid, number)
        assert sandbox._process.wait(PATIENCE) == 0
        assert gone([server, *workers])
        assert not sandbox.alive


@pytest.mark.parametrize("victim", ["starter", "server"])
def test_nothing_is_left_after_a_kill_9(tmp_path, victim):
    with subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as starter:
        url, pid = starter.stdout.readline().split()
        _, server, workers = rendering(url, int(pid))
        os.kill(starter.pid if victim == "starter" else int(pid), signal.SIGKILL)
        assert gone([server, *workers])
        starter.kill()


def test_it_goes_with_its_starter_although_a_fork_holds_its_input_open(tmp_path):
    forks = (
        "fork = os.fork()\nif fork == 0: time.sleep(3600)\nsys.stdin.readline()\nprint(fork, flush=True)\nos._exit(0)"
    )
    command = [sys.executable, "-c", STARTER.replace("time.sleep(3600)", forks), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        server = psutil.Process(int(starter.stdout.readline().split()[1]))
        starter.stdin.write("\n")
        starter.stdin.flush()
        fork = psutil.Process(int(starter.stdout.readline()))
        try:
            assert gone([server])
            assert fork.is_running()
        finally:
            fork.kill()


def test_it_stops_by_itself_and_may_be_told_so_again(tmp_path, monkeypatch):
    monkeypatch.setattr(process_module, "GOODBYE", PATIENCE)
    sandbox = SandboxProcess.start(seconds=0, store=tmp_path)
    _, server, workers = rendering(sandbox.url, sandbox.pid)
    threads = [threading.Thread(target=sandbox.stop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sandbox._process.returncode == 0
    assert gone([server, *workers])
    sandbox.stop()
    assert "ended" in repr(sandbox)


def test_workers_give_way_to_everything_else(tmp_path):
    with SandboxProcess.start(seconds=0, store=tmp_path) as sandbox:
        _, server, workers = rendering(sandbox.url, sandbox.pid)
        assert wait_for(lambda: all(worker.nice() >= server.nice() + 10 for worker in workers))


def test_it_survives_a_worker_that_is_killed(tmp_path):
    with SandboxProcess.start(seconds=0, store=tmp_path) as sandbox, httpx.Client(base_url=sandbox.url) as http:
        task_id, _, workers = rendering(sandbox.url, sandbox.pid)
        workers[0].kill()
        assert Caller(http).wait(task_id)["status"] == "SUCCESS"


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "mjvideo_nb.sandbox", "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.count("\n") == 1
        assert f"Port {port} is taken" in ended.stderr
        assert "--port 0" in ended.stderr
        with pytest.raises(SandboxError, match="is taken: choose another"):
            SandboxProcess.start(port=port)


def test_a_fault_that_there_is_not(tmp_path):
    with pytest.raises(SandboxError, match="no fault is called 'http-501'"):
        SandboxProcess.start(store=tmp_path, faults=["http-501"])


def test_faults_from_the_start(tmp_path):
    with (
        SandboxProcess.start(store=tmp_path, faults=["quota*1"], render=False) as sandbox,
        httpx.Client(base_url=sandbox.url) as http,
    ):
        assert "quota" in Caller(http).post().text
        assert Caller(http).post().json()["code"] == 1


def test_not_ready_in_time(tmp_path):
    with pytest.raises(SandboxError, match="not ready within"):
        SandboxProcess.start(store=tmp_path, timeout=0.001)


def test_what_is_missing_is_named_with_the_remedy(monkeypatch):
    assert missing() == []
    found = process_module.importlib.util.find_spec
    monkeypatch.setattr(
        process_module.importlib.util, "find_spec", lambda name: None if name in ("av", "PIL") else found(name)
    )
    assert missing() == ["av", "pillow"]
    with pytest.raises(SandboxError, match=r'pip install "mjvideo-nb\[sandbox\]"'):
        SandboxProcess.start()


def test_starting_it_needs_the_standard_library_only():
    folder = Path(process_module.__file__).parent
    code = (
        "import sys, types\n"
        "sys.modules['mjvideo_nb'] = package = types.ModuleType('mjvideo_nb')\n"
        f"package.__path__ = [{str(folder.parent)!r}]\n"
        "import mjvideo_nb.sandbox\n"
        "assert not {'av', 'PIL', 'starlette', 'uvicorn', 'httpx'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


def test_a_file_in_the_users_folder_is_not_taken_for_a_module(tmp_path, monkeypatch):
    (tmp_path / "uvicorn.py").write_text("raise RuntimeError('not this one')")
    monkeypatch.chdir(tmp_path)
    with SandboxProcess.start(store=tmp_path / "store") as sandbox:
        assert sandbox.alive

"""`demo`: the tour in a folder to keep, open in a JupyterLab that holds no key and is never left behind."""

from __future__ import annotations

import importlib.util
import json
import re
import secrets
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from jupyter_client import BlockingKernelClient

from mjvideo_nb.cli.arguments import is_free
from mjvideo_nb.cli.tour import copy_tour
from mjvideo_nb.errors import InvalidRequest
from tests.patience import PATIENCE

from .conftest import KEY

PROJECT = Path(__file__).parent.parent.parent
TOUR = [
    "01_first_video.ipynb",
    "02_exploring_prompts.ipynb",
    "03_comparing_variants.ipynb",
    "04_extending.ipynb",
    "05_teaching.ipynb",
    "06_async_core.ipynb",
    "coffee.jpg",
    "form_in_marimo.py",
    "rocket.jpg",
]

# A browser that only tells where it was sent.
BROWSER = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))).sendall(sys.argv[2].encode())"

IN_THE_KERNEL = """
import json, os, threading
import mjvideo_nb as mj

accepted = threading.Event()
job = mj.video("coffee.jpg", motion="low")
job.listen(lambda: job.id and accepted.set())
if not job.id:
    accepted.wait(PATIENCE)
print(json.dumps({
    "package": mj.__file__,
    "task": job.id,
    "secrets": [name for name, value in os.environ.items() if KEY in value or TOKEN in value],
}))
"""


@pytest.fixture
def demo(start, tmp_path):
    """``demo()``: a running demo in ``tmp_path / "tour"``, with nothing of the developer's own in its JupyterLab."""
    folders = {
        name: str(tmp_path / "jupyter" / name)
        for name in (
            *("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"),
            *("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"),
        )
    }
    started = []

    def start_demo(*arguments, env=None, **options):
        env = {**folders, "COMETAPI_KEY": KEY, "MJVIDEO_SANDBOX_SECONDS": "3600", **(env or {})}
        started.append(start("demo", "tour", "--port", free_port(), *arguments, env=env, **options))
        return started[-1]

    yield start_demo
    for command in started:
        assert KEY not in command.out + command.err


def opened(command):
    """Wait until it says where to go; the address and the token."""
    url = command.line(r"^ +(http://\S+)$")[1]
    return url, url.partition("?token=")[2]


def free_port():
    """Not one that the system gives away by itself, and might before JupyterLab has it."""
    return next(port for port in iter(lambda: 10_000 + secrets.randbelow(20_000), None) if is_free(port))


def ask(url, path, token="", method="GET", body=None):
    parts = urlsplit(url)
    request = urllib.request.Request(
        f"http://{parts.netloc}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}"} if token else {},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
        text = answer.read()
    return json.loads(text) if text[:1] in {b"{", b"["} else text.decode()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The package as a wheel holds it, unpacked, with nothing of the checkout beside it."""
    folder = tmp_path_factory.mktemp("wheel")
    # In an environment of its own where the build back end is not at hand.
    at_hand = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    command = [sys.executable, "-m", "build", "--wheel", *at_hand, "--outdir", folder, PROJECT]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def make_a_video(command, url, token, tmp_path):
    """A kernel of the demo makes one, of which the sandbox still has an hour to do; which package that was."""
    kernel = ask(url, "api/kernels", token, "POST", {"name": "python3", "path": ""})["id"]
    client = BlockingKernelClient(connection_file=str(tmp_path / f"jupyter/JUPYTER_RUNTIME_DIR/kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels(hb=False)  # on a busy machine a late beat would count as a death
    try:
        client.wait_for_ready(timeout=PATIENCE)
        said = []
        code = IN_THE_KERNEL
        for name, value in {"KEY": KEY, "TOKEN": token, "PATIENCE": PATIENCE}.items():
            code = code.replace(name, repr(value))
        reply = client.execute_interactive(code, timeout=PATIENCE, output_hook=said.append)
    finally:
        client.stop_channels()
    assert reply["content"]["status"] == "ok", reply["content"]
    told = json.loads("".join(m["content"]["text"] for m in said if m["msg_type"] == "stream"))
    assert re.fullmatch(r"\d{16,17}", told["task"])
    assert told["secrets"] == []
    assert command.runs("mjvideo_nb.sandbox")
    return Path(told["package"])


@pytest.mark.long
def test_the_tour_runs_from_a_wheel(demo, wheel, tmp_path):
    command = demo("--no-browser", path=[wheel])
    url, token = opened(command)
    assert sorted(path.name for path in (tmp_path / "tour").iterdir() if path.is_file()) == TOUR
    assert make_a_video(command, url, token, tmp_path).is_relative_to(wheel)
    command.signal()
    assert command.end() == 0
    assert command.left_behind() == []


@pytest.mark.long
def test_the_wheel_holds_the_whole_tour(wheel):
    files = {path.name: path for path in (wheel / "mjvideo_nb" / "_tour").iterdir() if path.is_file()}
    assert sorted(files) == TOUR
    for name, path in files.items():
        assert path.read_bytes() == (PROJECT / "notebooks" / name).read_bytes()


def test_a_first_time_user_is_told_what_happens(demo, tmp_path):
    """The browser is opened; the terminal says where, whatever becomes of the browser, and shows no log.

    A kernel of the demo makes a video, without the key, when Ctrl-C comes: all of it ends, the sandbox included.
    """
    with socket.create_server(("127.0.0.1", 0)) as told:
        script = tmp_path / "browser.py"
        script.write_text(BROWSER)
        command = demo(env={"BROWSER": f"{sys.executable} {script} {told.getsockname()[1]} %s"})
        url, token = opened(command)
        told.settimeout(PATIENCE)
        connection, _ = told.accept()
        with connection:
            sent_to = connection.recv(1 << 12).decode()
    # By way of a file that only this user can read: a command line would show the token to everybody.
    assert sent_to.startswith("file://")
    page = Path(unquote(urlsplit(sent_to).path)).read_text(encoding="utf-8")
    assert f"/lab/tree/01_first_video.ipynb?token={token}" in page
    assert "http://127.0.0.1:" in url
    assert url.endswith(f"/lab/tree/01_first_video.ipynb?token={token}")
    assert len(token) >= 32

    (lab,) = command.runs("mjvideo_nb.cli.lab")
    assert token not in " ".join(lab.cmdline())
    assert KEY not in lab.environ().values()
    assert ask(url, "api/status", token)["kernels"] == 0
    assert ask(url, "api/contents/01_first_video.ipynb", token)["type"] == "notebook"
    page = ask(url, url.split("/", 3)[3])
    assert re.search(r'"news": *\{"disabled": *true\}', page)
    notification = ask(url, "lab/api/settings/@jupyterlab/apputils-extension:notification", token)
    assert notification["schema"]["properties"]["fetchNews"]["default"] == "false"  # no question about it either
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(url, "api/contents")

    make_a_video(command, url, token, tmp_path)
    command.signal(group=True)
    assert command.end() == 0
    assert command.left_behind() == []
    assert [line for line in command.err.splitlines() if line] == [
        f"The tour is in {tmp_path / 'tour'}, to try, change and keep. JupyterLab is starting ...",
        "A browser opens; if it does not, open this address:",
        "Then run the cells from the top. The sandbox on this machine makes the clips: no key is used, nothing is charged.",
        "Ctrl-C here stops everything.",
        "Stopped: JupyterLab, its kernels and the sandbox.",
    ]
    assert command.out == f"    {url}\n"


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_it_can_be_ended_while_it_starts(demo, number):
    command = demo("--no-browser")
    command.line("JupyterLab is starting")
    command.signal(number)
    assert command.end() == 0
    assert command.left_behind() == []


@pytest.mark.default_cases(1)
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_however_it_ends_jupyterlab_ends_with_it(demo, number, status):
    command = demo("--no-browser")
    opened(command)
    assert command.offspring()
    command.signal(number)
    assert command.end() == status
    assert command.left_behind() == []


def test_a_jupyterlab_that_cannot_start_says_why(demo, tmp_path):
    config = tmp_path / "jupyter/JUPYTER_CONFIG_DIR"
    config.mkdir(parents=True)
    (config / "jupyter_server_config.py").write_text("raise SystemExit('this machine forbids it')")
    command = demo("--no-browser")
    assert command.end() == 1
    assert "mjvideo-nb: Something went wrong. JupyterLab ended with status 1. It said: " in command.err
    assert "this machine forbids it" in command.err


def test_settings_of_the_users_own_jupyter_do_not_get_in_the_way(demo, tmp_path):
    """And a shut-down by JupyterLab's own menu ends the demo."""
    config = tmp_path / "jupyter/JUPYTER_CONFIG_DIR"
    config.mkdir(parents=True)
    (config / "jupyter_server_config.json").write_text(
        json.dumps(
            {
                "ServerApp": {"ip": "0.0.0.0", "port": 1, "base_url": "/hub/", "root_dir": "/", "open_browser": True},
                "IdentityProvider": {"token": "another"},
            }
        )
    )
    command = demo("--no-browser")
    url, token = opened(command)
    assert ask(url, "api/contents/01_first_video.ipynb", token)["type"] == "notebook"
    ask(url, "api/shutdown", token, "POST", {})
    assert command.end() == 0
    assert command.err.endswith("JupyterLab was shut down.\n")


def test_what_was_changed_in_the_tour_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = copy_tour("tour")
    assert first == tmp_path / "tour" / "01_first_video.ipynb"
    first.write_text("mine")
    (tmp_path / "tour" / "coffee.jpg").unlink()
    assert copy_tour("tour") == first
    assert first.read_text() == "mine"
    assert sorted(path.name for path in (tmp_path / "tour").iterdir()) == TOUR
    for name in TOUR[1:]:
        assert (tmp_path / "tour" / name).read_bytes() == (PROJECT / "notebooks" / name).read_bytes()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "tour").write_text("a file")
    with pytest.raises(InvalidRequest, match=r"folder: the folder .*tour cannot be made \(File exists\)"):
        copy_tour(str(tmp_path / "tour"))


def test_a_port_that_is_taken_is_one_clear_line(run_here, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run_here("demo", "--no-browser", "--port", port)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err == (
        f"mjvideo-nb: Check the input. --port: {port} is taken or not allowed; give another, or leave it out for a "
        "free one.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_without_its_packages_it_names_the_extra(run_here, lacking, tmp_path):
    lacking("av", "PIL")
    ended = run_here("demo")
    assert ended.status == 2
    assert ended.err == 'mjvideo-nb: The demo lacks av, pillow. Install its extra: pip install "mjvideo-nb[demo]"\n'
    assert list(tmp_path.iterdir()) == []

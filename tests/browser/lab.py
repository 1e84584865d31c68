"""One JupyterLab for the run, on loopback, with nothing of the developer's own in it."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from tests.loopback import unused_port
from tests.patience import PATIENCE

START_SECONDS = PATIENCE  # about 3 s is usual
STOP_SECONDS = 60

# Lab draws only the cells in view and hides the rest by `content-visibility`; tests look at all of them. The pop-ups
# would need the network and cover what is tested, and a save should happen when a test says so.
SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/extensionmanager-extension:plugin": {"enabled": False},
}

# It asks each kernel for its state, and complains in the console when that notebook is closed, minutes later.
DISABLED = ("@jupyterlab/debugger-extension",)

# Run by the server as its configuration: when this process ends, however it ends, its end of the pipe closes, and
# the server stops with all its kernels. `os.read` and not `sys.stdin`, whose lock would trouble the interpreter's exit.
CONFIGURATION = """
import os, signal, threading

def end_with_the_tests():
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_with_the_tests, name="end-with-the-tests", daemon=True).start()
"""

# Belongs to whoever runs the tests, or would lead the server to what is theirs.
FOREIGN = ("COMETAPI_", "MJVIDEO_", "JUPYTER", "IPYTHON", "PYTEST_", "XDG_", "PYTHONSTARTUP", "PYTHONWARNINGS")


class LabServer:
    """A JupyterLab process: `start`, `url`, `root` (the folder it serves), `request`, `stop`."""

    def __init__(self, folder: Path, kernels: dict[str, str] | None = None) -> None:
        """In this folder; ``kernels``: what the environment of its kernels has beside what is usual."""
        self.folder = folder
        self._kernels = kernels or {}
        self.root = folder / "root"
        self.url = ""
        self.seconds_to_start = 0.0
        self._log = folder / "server.log"
        self._settings = folder / "settings"
        self._process: subprocess.Popen[bytes] | None = None
        # Goes past any proxy of the machine: loopback is not for it.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def start(self) -> LabServer:
        """Start the server and return when it answers; a lost race for the port is run again."""
        self._lay_out()
        begun = time.monotonic()
        for last in (False, False, True):
            if self._start_once(begun + START_SECONDS):
                break
            if last or "already in use" not in self.log_tail():
                self.stop()
                raise RuntimeError(f"JupyterLab did not start. The end of its log:\n{self.log_tail()}")
        self.seconds_to_start = time.monotonic() - begun
        return self

    def stop(self) -> None:
        """Stop the server and its kernels; whatever outlives them is killed, and is an error with its name."""
        if self._process is not None:
            self._process.stdin.close()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        _, left = psutil.wait_procs(self._offspring(), timeout=STOP_SECONDS)
        names = [_describe(process) for process in left]
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=STOP_SECONDS)
        if names:
            raise RuntimeError("These outlived the JupyterLab that started them:\n  " + "\n  ".join(names))

    def request(self, method: str, path: str, body: object = None) -> object:
        """A call to the server's own REST interface, for example ``request("GET", "api/sessions")``."""
        data = None if body is None else json.dumps(body).encode()
        call = urllib.request.Request(self.url + path, data=data, method=method)
        with self._opener.open(call, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def new_folder(self, name: str) -> Path:
        """A folder of its own below `root`, numbered: tests of two files may have the same name."""
        folder = self.root / f"{sum(1 for _ in self.root.iterdir()):03}-{name}"
        folder.mkdir()
        return folder

    def end_sessions(self, folder: str) -> None:
        """End the kernels of the notebooks in this folder of `root`."""
        for session in self.request("GET", "api/sessions"):
            if session["path"].startswith(f"{folder}/"):
                self.request("DELETE", f"api/sessions/{session['id']}")

    def forget_settings(self) -> None:
        """Undo what a page before this one has set, such as the theme: the server keeps that for all."""
        for file in self._settings.rglob("*.jupyterlab-settings"):
            file.unlink()

    def log_tail(self, lines: int = 40) -> str:
        """The last lines that the server and its kernels wrote."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _lay_out(self) -> None:
        from ipykernel.kernelspec import write_kernel_spec

        for name in ("root", "home", "config", "data", "runtime", "ipython", "cache", "settings", "workspaces"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "config" / "jupyter_server_config.py").write_text(CONFIGURATION)
        labconfig = self.folder / "config" / "labconfig"
        labconfig.mkdir()
        (labconfig / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
        disabled = {"disabledExtensions": dict.fromkeys(DISABLED, True)}
        (labconfig / "page_config.json").write_text(json.dumps(disabled))
        # The interpreter that runs the tests, by its full path, before any other `python3` kernel of the machine.
        write_kernel_spec(self.folder / "data" / "kernels" / "python3")

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        if site.ENABLE_USER_SITE:
            # Found by way of the home folder, which is another one below.
            environment["PYTHONUSERBASE"] = site.getuserbase()
        folders = {
            "HOME": "home",
            "USERPROFILE": "home",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
            "XDG_CACHE_HOME": "cache",
        }
        environment |= {name: str(self.folder / folder) for name, folder in folders.items()}
        environment["JUPYTER_PREFER_ENV_PATH"] = "0"  # else the environment's kernel comes before ours
        return environment | self._kernels

    def _start_once(self, deadline: float) -> bool:
        port = unused_port()
        self.url = f"http://127.0.0.1:{port}/"
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser"),
            *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
            *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
            *("--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
            "--JupyterNotebookApp.expose_app_in_browser=True",
            f"--ServerApp.root_dir={self.root}",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--allow-root")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests; the server would ask whether it is meant
            )
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._process.stdin.close()
                self._process = None
                return False
            try:
                self.request("GET", "api/status")
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
            else:
                return True
        return False

    def _offspring(self) -> list[psutil.Process]:
        """Every process that came of this server, also one that has lost its parent: known by its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("JUPYTER_CONFIG_DIR") == str(self.folder / "config"):
                    found.append(process)
            except psutil.Error:  # gone, or somebody else's
                continue
        return found


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {' '.join(process.cmdline())}"
    except psutil.Error:
        return str(process.pid)

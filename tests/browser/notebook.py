"""A notebook as its reader has it: open, run, look, resize, save. The page object of the browser tests."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import nbformat
import pytest
from playwright.sync_api import Error
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.patience import PATIENCE

from .pages import WIDE, Pages

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from .lab import LabServer
    from .pages import LabPage

# `{path}` is the notebook's path on the server. A workspace of its own keeps Lab from restoring another test's tabs.
JUPYTERLAB = "lab/workspaces/{workspace}/tree/{path}"
NOTEBOOK_7 = "notebooks/{path}"
HOSTS = {"lab": JUPYTERLAB, "notebook": NOTEBOOK_7}
in_both_hosts = pytest.mark.parametrize("notebooks", list(HOSTS), indirect=True)
"""For a test that must hold in JupyterLab and in Notebook 7; `notebooks.host` is which."""
NOTEBOOK_7_ITSELF = {
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
}
"""What Notebook 7 says at the opening of any notebook, an empty one too."""

FREEZE = """
import ctypes, os
os.mkfifo("let-go")
open("frozen", "w").close()
_ = ctypes.PyDLL(None).open(b"let-go", os.O_RDONLY)
"""
"""A cell that lets no other thread of the kernel run, and answers nothing, until somebody opens "let-go" to write."""

# What the scripts below share. The panel is looked up each time: Lab makes a new one when a file is opened again.
PRELUDE = """
const app = window.jupyterapp;
const panel = app && [...app.shell.widgets('main')].find(w => w.sessionContext && w.content?.widgets);
const kernel = panel?.sessionContext.session?.kernel;
"""


class Notebook:
    """One notebook in one browser page: ``nb.cell(0).get_by_role("button", name="Play").click()``.

    ``page`` is Playwright's, for keys, mouse and whatever is not offered here. Cells are counted from zero and
    include those of text. All waiting is on a condition, with its time limit in seconds. A page that was used before is as a
    new one; what a test does to it for longer than its notebook (`LabPage`) makes it load JupyterLab itself, and be the last.
    """

    def __init__(self, server: LabServer, page: LabPage, path: Path, *, url: str, screenshots: Path) -> None:
        self.path = path
        self.folder = path.parent
        self.console_errors: list[str] = []
        self.screenshots: list[Path] = []
        self._server = server
        self._shots = screenshots
        relative = path.relative_to(server.root)
        self.place = relative.parent.as_posix()
        self._path = relative.as_posix()
        self.url = server.url + url.format(path=quote(self._path), workspace=quote(self.place, safe=""))
        self.lab_page = page
        self.page: Page = page.page
        page.listen("console", self._note)
        page.listen("pageerror", self._note_uncaught)
        page.listen("crash", lambda _: self.console_errors.append("the page crashed"))
        self._opened = False

    def open(self, *, timeout: float = PATIENCE) -> Notebook:
        """Go to the notebook and wait until it stands there with an idle kernel."""
        if self.lab_page.ready and not self._opened:
            self.lab_page.show(self._path, self.place)
        else:
            self.lab_page.load(self.url, timeout)
        self._opened = True
        # A notebook that names no kernel of this machine asks for one; the one it proposes is ours.
        self._wait_until(
            """
            const ask = document.querySelector('.jp-Dialog');
            if (ask?.textContent.includes('Select Kernel')) ask.querySelector('.jp-mod-accept')?.click();
            return panel?.context.isReady && panel.sessionContext.isReady && kernel?.status === 'idle' && !ask
                && document.querySelector('#jupyterlab-splash') === null
            """,
            timeout,
            "the notebook to open",
        )
        # The list of files would take a quarter of the width. Notebook 7 has none.
        self._do("app.shell.collapseLeft?.(); app.shell.collapseRight?.()")
        self._next_frame()
        return self

    def reopen(self, *, new_kernel: bool = True) -> Notebook:
        """Open the file as it stands on disk: tomorrow, with a new kernel, or after a reload, with the same one."""
        if new_kernel:
            self._server.end_sessions(self.place)
        return self.open()

    def run_all(self) -> None:
        """Run All, as the menu does it: every cell is sent at once. Returns at once; see `wait_idle`."""
        self._start("return app.commands.execute('notebook:run-all-cells')")

    def run_cell(self, index: int) -> None:
        """Run one cell, as Ctrl+Enter does it. Returns at once; see `wait_idle`."""
        self._start("panel.content.activeCellIndex = index; return app.commands.execute('notebook:run-cell')", index)

    def wait_idle(self, *, timeout: float = PATIENCE) -> None:
        """Wait until every cell that was started has ended and the kernel has nothing to do."""
        self._wait_until(
            """
            const busy = [...document.querySelectorAll('.jp-InputPrompt')].some(e => e.textContent.includes('*'));
            return !window.mjStarted && !busy && kernel?.status === 'idle'
            """,
            timeout,
            "every cell to end",
        )

    def write_cell(self, index: int, code: str) -> None:
        """Put other code in the place of what stands in a cell."""
        self._do("panel.content.widgets[argument[0]].model.sharedModel.setSource(argument[1])", [index, code])

    def in_kernel(self, code: str) -> None:
        """Run code in the kernel that is in no cell."""
        self._do("await kernel.requestExecute({code: argument, silent: true}).done", code)

    def wait_for_file(self, name: str) -> None:
        """Wait until a cell has made this file beside the notebook."""
        end = time.monotonic() + PATIENCE
        while not (self.folder / name).exists():
            assert time.monotonic() < end, f"Waited {PATIENCE} s for the file {name}. {self._standing()}"
            self.page.wait_for_timeout(50)

    def cell(self, index: int) -> Locator:
        """The output area of a cell, to look for text, roles and widgets in.

        The text of a result, unlike that of a print, begins with its prompt: ``[3]:``.
        """
        return self.page.locator(".jp-NotebookPanel .jp-Notebook .jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def save(self) -> None:
        """Save, as Ctrl+S does it, and return when the file is written: once more, when an output has changed meanwhile."""
        self._do("do await app.commands.execute('docmanager:save'); while (panel.context.model.dirty)")

    def trust(self) -> None:
        """Trust the notebook, as the command does when its question is answered with yes; the file is saved."""
        self._start("return app.commands.execute('notebook:trust')")
        self.page.get_by_role("dialog").get_by_role("button", name="Trust").click()
        self._wait_until(
            "return !window.mjStarted && panel.content.model.trusted !== false", PATIENCE, "the notebook to be trusted"
        )
        self.save()

    def saved_text(self) -> str:
        """The file as it stands on disk."""
        return self.path.read_text(encoding="utf-8")

    def restart_kernel(self, *, timeout: float = PATIENCE) -> None:
        """Restart the kernel, without the question whether this is meant."""
        self._do("await panel.sessionContext.restartKernel()", timeout=timeout)
        self.wait_idle(timeout=timeout)

    def interrupt_kernel(self) -> None:
        """Interrupt the kernel, as the stop button does."""
        self._do("await kernel.interrupt()")

    def theme(self, *, dark: bool) -> None:
        """Change to Jupyter's own dark or light theme, and back with the next notebook."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self._do("await app.commands.execute('apputils:change-theme', {theme: argument})", name)
        wanted = "false" if dark else "true"
        self._wait_until(f"return document.body.dataset.jpThemeLight === '{wanted}'", PATIENCE, "the theme to change")
        self._next_frame()

    def resize(self, width: int, height: int = WIDE[1]) -> None:
        """Give the page this size in CSS pixels."""
        self.page.set_viewport_size({"width": width, "height": height})
        self._next_frame()

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Write ``<name>.png`` of the page, or of one element, and return its path."""
        path = self._shots / f"{name}.png"
        (of or self.page).screenshot(path=path, animations="disabled")
        self.screenshots.append(path)
        return path

    def describe(self) -> str:
        """How things stand, for the report of a test that failed."""
        lines = [f"notebook {self.path}"]
        lines += [f"screenshot {path}" for path in self.screenshots]
        lines += [f"console: {line}" for line in self.console_errors]
        return "\n".join(lines)

    def _note(self, message) -> None:
        if message.type == "error":
            self.console_errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _note_uncaught(self, error) -> None:
        if str(error) not in NOTEBOOK_7_ITSELF:
            self.console_errors.append(f"uncaught: {error}")

    def _do(self, script: str, argument: object = None, *, timeout: float = PATIENCE) -> object:
        """Run a script in the page. Playwright itself would wait for its promise for ever."""
        return self.page.evaluate(
            f"""([argument, milliseconds]) => {{
                {PRELUDE}
                if (panel) app.shell.activateById(panel.id);
                const late = new Promise((_, no) => setTimeout(() => no(new Error('no end in time')), milliseconds));
                return Promise.race([(async () => {{ {script} }})(), late]);
            }}""",
            [argument, timeout * 1000],
        )

    def _start(self, script: str, index: int | None = None) -> None:
        """Run a script that returns a promise, and count it as running until it has ended."""
        self.page.evaluate(
            f"""index => {{
                {PRELUDE}
                app.shell.activateById(panel.id);
                window.mjStarted = (window.mjStarted ?? 0) + 1;
                const ended = () => {{ window.mjStarted -= 1; }};
                (async () => {{ {script} }})().then(ended, ended);
            }}""",
            index,
        )

    def _wait_until(self, script: str, timeout: float, what: str) -> None:
        try:
            self.page.wait_for_function(f"() => {{ {PRELUDE} {script} }}", timeout=timeout * 1000)
        except PlaywrightTimeout:
            raise AssertionError(f"Waited {timeout} s for {what}. {self._standing()}") from None

    def _standing(self) -> str:
        try:
            state = self.page.evaluate(
                f"""() => {{ {PRELUDE} return {{
                    kernel: kernel?.status ?? 'none',
                    prompts: [...document.querySelectorAll('.jp-InputPrompt')].map(e => e.textContent).join(' '),
                    dialog: document.querySelector('.jp-Dialog')?.textContent ?? '',
                }} }}"""
            )
        except Error as error:
            state = error.message
        return f"{json.dumps(state)}\nThe end of the server's log:\n{self._server.log_tail(20)}"

    def _next_frame(self) -> None:
        """Let Lab lay itself out again: it does so in the frame after a change."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


class Notebooks:
    """Makes the notebooks of one test, each in its own folder on the server, and closes them after it."""

    def __init__(
        self,
        server: LabServer,
        browser: Browser,
        name: str,
        screenshots: Path,
        *,
        host: str = "lab",
        pages: Pages | None = None,
    ) -> None:
        self.host = host
        self.made: list[Notebook] = []
        self.server = server
        self.failed = False
        self._pages = pages or Pages(browser, again=False)
        self._name = name
        self._screenshots = screenshots

    def new(self, cells: Iterable[str], *, files: Iterable[Path] = ()) -> Notebook:
        """A notebook of these code cells, not yet opened; ``files`` are copied beside it."""
        content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        return self._make(content, "notebook.ipynb", files)

    def existing(self, path: Path, *, files: Iterable[Path] = ()) -> Notebook:
        """A copy of a notebook file, not yet opened: the original stays as it is.

        Outputs in it are not trusted, as in a notebook that came by mail: no scripts of theirs run.
        """
        return self._make(nbformat.read(path, as_version=4), path.name, files)

    def close(self) -> None:
        """Close all the notebooks of this test, and end their kernels."""
        again = self.host == "lab" and not self.failed
        with contextlib.ExitStack() as stack:
            for notebook in self.made:
                stack.callback(self._pages.give_back, notebook.lab_page, self.server, notebook.place, again=again)

    def _make(self, content: nbformat.NotebookNode, name: str, files: Iterable[Path]) -> Notebook:
        folder = self.server.new_folder(self._name)
        for file in files:
            shutil.copy(file, folder)
        content.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
        }
        nbformat.write(content, folder / name)
        if not self.made:
            self.server.forget_settings()
        page = self._pages.take(used=self.host == "lab")
        notebook = Notebook(self.server, page, folder / name, url=HOSTS[self.host], screenshots=self._screenshots)
        self.made.append(notebook)
        return notebook

"""Pages of JupyterLab that are used again: to load one takes longer than most tests look at it.

A page that a test has changed for good, or on which something failed, is closed. The others close their notebook and open the
next one, as somebody does who works all day.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from typing import TYPE_CHECKING

from playwright.sync_api import Error
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, BrowserContext, Page

    from .lab import LabServer

WIDE = (1280, 900)
PAGE_MILLISECONDS = 60_000
"""For what a page does by itself: a limit on hanging. What has to be made first gets `PATIENCE`."""
MOST_NOTEBOOKS = 15
"""In one page: what a front end leaks must not add up to what no test of its own would meet."""
CHANGES = {
    "page": (
        *("add_init_script", "add_locator_handler", "add_script_tag", "add_style_tag", "emulate_media"),
        *("expose_binding", "expose_function", "go_back", "go_forward", "goto", "on", "once", "reload", "route"),
        *("route_from_har", "route_web_socket", "set_content", "set_extra_http_headers"),
    ),
    "context": (
        *("add_cookies", "add_init_script", "expose_binding", "expose_function", "grant_permissions", "new_page", "on"),
        *("once", "route", "route_from_har", "route_web_socket", "set_extra_http_headers", "set_geolocation"),
        *("set_offline", "new_cdp_session"),
    ),
}
"""What a test does to a page, or to its context, that the next notebook would find."""

TIDY = """async number => {
    const app = window.jupyterapp;
    if (window.mjPage !== number || !app) return 'the page was loaded again';
    // Looked for on after the notebook is closed, and then complained of in the console.
    const waits = [...document.querySelectorAll('.jp-OutputArea-output')].some(e => e.textContent === 'Loading widget...');
    if (waits) return 'a widget is still looked for';
    document.querySelector('.jp-Dialog .jp-mod-reject')?.click();
    if (document.body.dataset.jpThemeLight === 'false')
        await app.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'});
    for (const widget of [...app.shell.widgets('main')]) {
        if (widget.context?.model) widget.context.model.dirty = false;  // or it asks whether to save
        widget.close();
    }
    for (const name of Object.keys(window)) if (/^(mj(?!Page$)|axe$)/.test(name)) delete window[name];
    for (const name of Object.keys(navigator.clipboard ?? {})) delete navigator.clipboard[name];
    getSelection().removeAllRanges();
    document.activeElement?.blur();
}"""
IS_TIDY = """() => {
    const left = [...window.jupyterapp.shell.widgets('main')].some(widget => widget.context);
    return !left && document.body.dataset.jpThemeLight === 'true' && !document.fullscreenElement
        && !document.querySelector('.jp-Dialog, .lm-Menu, dialog[open], .jp-Notebook, [class^="mj-"]');
}"""
OPEN = """async ([path, folder]) => {
    const app = window.jupyterapp;
    const opened = await app.commands.execute('docmanager:open', {path, factory: 'Notebook'});
    for (const widget of [...app.shell.widgets('main')]) if (widget !== opened) widget.close();
    await app.commands.execute('filebrowser:go-to-path', {path: folder, dontShowBrowser: true});
    if (app.shell.mode !== 'multiple-document') app.shell.mode = 'multiple-document';
    app.shell.activateById(opened.id);
}"""
_numbers = itertools.count(1)


class LabPage:
    """A browser page of its own context, and what is known about its state."""

    def __init__(self, browser: Browser) -> None:
        self.context: BrowserContext = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]})
        self.context.set_default_timeout(PAGE_MILLISECONDS)
        self.page: Page = self.context.new_page()
        self.notebooks = 0
        self.changed = False
        self._loaded = 0
        self._on, self._goto = self.page.on, self.page.goto
        self._listeners: list[tuple[str, Callable]] = []
        self._on("crash", self._note_change)
        for thing, names in ((self.page, CHANGES["page"]), (self.context, CHANGES["context"])):
            for name in names:
                setattr(thing, name, self._noting(getattr(thing, name)))

    def listen(self, event: str, listener: Callable) -> None:
        """Until the page is given back."""
        self._on(event, listener)
        self._listeners.append((event, listener))

    @property
    def ready(self) -> bool:
        """Whether a JupyterLab stands in it, as it was loaded."""
        return self._loaded > 0 and not self.changed

    def load(self, url: str, timeout: float) -> None:
        """Go to a notebook by its address, with all of JupyterLab."""
        self._loaded = 0
        self._goto(url, wait_until="domcontentloaded", timeout=timeout * 1000)
        self._loaded = next(_numbers)
        self.page.evaluate("number => { window.mjPage = number; }", self._loaded)

    def show(self, path: str, folder: str) -> None:
        """Open a notebook in the JupyterLab that is there."""
        self.page.evaluate(OPEN, [path, folder])

    def tidy(self) -> bool:
        """Close what is open, and forget who listened; whether the page is as after its loading."""
        if not self.ready:
            return False
        try:
            if self.page.evaluate(TIDY, self._loaded):
                return False
            self.page.wait_for_function(IS_TIDY, timeout=1000 * PATIENCE)
            if self.page.viewport_size != {"width": WIDE[0], "height": WIDE[1]}:
                self.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
            self.page.mouse.move(0, 0)
        except (Error, PlaywrightTimeout):
            return False
        return not self.changed and len(self.context.pages) == 1

    def forget_listeners(self) -> None:
        """What the page has said so far is theirs, and nothing after it."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        for event, listener in self._listeners:
            self.page.remove_listener(event, listener)
        self._listeners.clear()

    def close(self) -> None:
        with contextlib.suppress(Error):  # a page that has crashed cannot be closed in good order
            self.context.close()

    def _noting(self, method: Callable) -> Callable:
        @functools.wraps(method)
        def noted(*args, **options):
            self.changed = True
            return method(*args, **options)

        return noted

    def _note_change(self, *_) -> None:
        self.changed = True


class Pages:
    """One page at most waits for the next notebook; ``again=False`` has none wait."""

    def __init__(self, browser: Browser, *, again: bool = True) -> None:
        self._browser = browser
        self._again = again
        self._idle: LabPage | None = None

    def take(self, *, used: bool = True) -> LabPage:
        """A page for one notebook: the one that waits, or a new one."""
        page, self._idle = (self._idle, None) if used and self._idle else (LabPage(self._browser), self._idle)
        page.notebooks += 1
        return page

    def give_back(self, page: LabPage, server: LabServer, folder: str, *, again: bool) -> None:
        """End the notebook of a page with its kernel; where it may be used again and nothing is left, it waits."""
        again = again and self._again and self._idle is None and page.notebooks < MOST_NOTEBOOKS and page.tidy()
        if not again:
            page.close()
        server.end_sessions(folder)
        if again:
            try:
                page.forget_listeners()
            except Error:
                page.close()
            else:
                self._idle = page

    def close(self) -> None:
        if self._idle:
            self._idle.close()
            self._idle = None

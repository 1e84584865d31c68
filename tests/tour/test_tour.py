"""The tour: each notebook runs from top to bottom, all its cells asked for at once, and says what it should."""

from __future__ import annotations

import http.server
import os
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from mjvideo_nb.cli.tour import copy_tour
from tests.loopback import serving

from .kernel import run_all

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TOUR = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))

SHOWS = {
    "01_first_video": [[], ["view"], ["view"], ["text"], ["text"], ["view"], ["text"]],
    "02_exploring_prompts": [["text"], ["view"], ["text"], ["view"], [], ["view"], ["view"], ["text"]],
    "03_comparing_variants": [["text"], [], ["view"], ["view"], ["view"], ["view"], ["table"], ["text"]],
    "04_extending": [
        *(["text"], ["view"], ["text"], ["view"], ["text"]),
        *(["picture"], [], ["view"], ["printed"], ["view"], ["picture"]),
    ],
    "05_teaching": [
        *(["text"], ["view"], ["printed"], ["text"], ["printed"], ["view"]),
        *(["view"], ["view"], ["view"], ["view"], ["printed"], ["view"], ["view"]),
    ],
    "06_async_core": [
        *([], ["printed"], ["text"], ["text"], ["printed"], ["printed"], ["text"]),
        *(["printed"], ["printed"], ["text"], ["printed"]),
    ],
}
"""What each code cell of a notebook leaves below itself."""

each_notebook = pytest.mark.parametrize("name", TOUR, ids=lambda name: Path(name).stem)


@pytest.fixture
def folder(tmp_path):
    """The tour as somebody has it who goes through it: one folder, where what a notebook has made is there for the next."""
    return copy_tour(str(tmp_path / "tour")).parent


@pytest.fixture
def service():
    """A service that would cost money, with a key for it: ``service.url``; ``service.asked`` are the requests it had."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            asked.append(f"{self.command} {self.path}")
            self.send_error(401)

        do_GET = do_POST = answer  # noqa: N815 - the names http.server looks for

        def log_message(self, *_):
            pass

    with serving(Handler) as url:
        yield SimpleNamespace(url=url, asked=asked)


@pytest.fixture
def run(folder, capsys):
    """``run(name, url)``: what each code cell came to, where there is a key for a service at that address."""

    def run_one(name, url=None):
        env = {name: value for name, value in os.environ.items() if name != "MJVIDEO_LIBRARY"}
        if url:
            env |= {"COMETAPI_KEY": "a-key-that-opens-an-account", "COMETAPI_BASE_URL": url}
        ran, seconds = run_all(folder / name, env=env)
        with capsys.disabled():
            print(f"\n{name}: {seconds:.0f} s")
        assert [cell.kinds for cell in ran] == SHOWS[Path(name).stem], name
        assert {cell.status for cell in ran} == {"ok"}, name
        return ran

    return run_one


def test_the_first_notebook_uses_a_key_that_is_there_and_its_cards_move_while_a_cell_sleeps(run, sandboxes):
    with sandboxes.sandbox(seconds=10, render=False) as paid:
        ran = run(TOUR[0], paid.url)
        assert paid.submits == 2
    (sleeps,) = [cell for cell in ran if "sleep(" in cell.source]
    assert len(set(sleeps.progress)) > 1


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_whole_tour_from_the_first_notebook_to_the_last(run, service):
    """As everybody has it who goes through it; what a key opens is asked by the first alone, and only where there is one."""
    run(TOUR[0])
    for name in TOUR[1:]:
        run(name, service.url)
    assert service.asked == []


# As files


@each_notebook
def test_it_holds_no_outputs_and_is_valid(name):
    """What it would show is made when it is run; committed outputs age, and show where they were made."""
    notebook = read(name)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
        assert cell.metadata == {}


@each_notebook
def test_it_begins_with_what_it_teaches_and_what_it_costs_and_ends_with_what_to_try(name):
    first, last = (read(name).cells[at] for at in (0, -1))
    assert first.cell_type == last.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "learn" in first.source
    assert "What it costs: nothing" in first.source
    assert last.source.count("# Try this\n\n- ") == 1


@each_notebook
def test_what_must_not_cost_says_so_in_its_first_cell(name):
    """Only the first, which everybody begins with, uses a key that is there, and says so at its top."""
    first = next(cell.source for cell in read(name).cells if cell.cell_type == "code")
    if name.startswith("01"):
        assert "COMETAPI_KEY" in read(name).cells[0].source
    else:
        assert "mj.connect(sandbox=True" in first or 'os.environ["COMETAPI_KEY"] = "sandbox"' in first


@each_notebook
def test_its_pictures_are_there_and_their_authors_named(name):
    notebook = read(name)
    everything = "\n".join(cell.source for cell in notebook.cells)
    for picture in set(re.findall(r"\b\w+\.jpg", everything)):
        assert (NOTEBOOKS / picture).is_file()
    shown = {path.name for path in NOTEBOOKS.glob("*.jpg") if f'"{path.name}"' in code(notebook)}
    assert shown
    for picture in shown:
        assert f"The photograph `{picture}` is by " in notebook.cells[-1].source


def test_no_two_cells_have_the_same_id():
    """A cell that is run again shows what it has made: the library of the folder knows it by its id."""
    ids = [cell.id for name in TOUR for cell in read(name).cells]
    assert len(ids) == len(set(ids))


def test_the_readme_names_the_author_of_each_picture():
    last = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8").strip().splitlines()[-1]
    for path in NOTEBOOKS.glob("*.jpg"):
        assert f"`{path.name}` is by " in last


def read(name):
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def code(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")

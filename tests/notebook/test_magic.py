"""The magics: what they ask for, what they refuse before anything is sent, and what Tab offers."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import mjvideo_nb as mj
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.cell import Cell
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE

from .conftest import KEY

ONE = {"batchSize": 1}


@pytest.fixture
def current(session, monkeypatch):
    monkeypatch.setattr(sessions, "_current", session)
    return session


@pytest.fixture
def shell(current, photo, monkeypatch):
    """IPython in the folder of a photograph, the extension loaded."""
    monkeypatch.chdir(photo.parent)
    shell = InteractiveShell()
    shell.history_manager.enabled = False
    assert shell.extension_manager.load_extension("mjvideo_nb") is None
    return shell


@pytest.fixture
def refused(shell, submits):
    """``refused(line, cell)``: what a magic says, having sent nothing."""

    def run(line, cell=None):
        before = submits()
        with pytest.raises(mj.InvalidRequest) as caught:
            shell.run_line_magic("mjvideo", line) if cell is None else shell.run_cell_magic("mjvideo", line, cell)
        assert submits() == before
        return caught.value

    return run


def offered(shell, text):
    with provisionalcompleter():
        found = list(shell.Completer.completions(text, len(text)))
    return [text[: each.start] + each.text + text[each.end :] for each in found]


# Making


def test_the_cell_is_the_prompt_and_the_job_comes_back(shell):
    job = shell.run_cell_magic("mjvideo", "coffee.jpg --motion high --type 720p --as first", "\n  steam rises\n")
    assert shell.user_ns["first"] is job
    assert (job.request.prompt, job.request.motion, job.request.short_type) == ("steam rises", "high", "720p")


def test_flags_in_the_cell_are_heeded_as_everywhere(shell):
    job = shell.run_cell_magic("mjvideo", "coffee.jpg", "steam --motion high --bs 1")
    assert job.request.motion == "high"
    assert len(job.wait(PATIENCE).clips) == 1


def test_without_options_it_is_as_video_makes_it(shell):
    job = shell.run_cell_magic("mjvideo", "coffee.jpg", "\n")
    assert (job.request.prompt, job.request.motion, job.request.short_type) == ("", "low", "480p")
    assert job.wait(PATIENCE).succeeded


def test_a_variable_may_hold_the_image(shell, photo):
    shell.user_ns["still"] = photo.read_bytes()
    assert shell.run_cell_magic("mjvideo", "still", "steam").wait(PATIENCE).succeeded


def test_a_file_goes_before_a_variable(shell, photo):
    photo.rename(photo.parent / "still")
    shell.user_ns["still"] = 5
    assert shell.run_cell_magic("mjvideo", "still", "steam").wait(PATIENCE).succeeded


def test_a_path_with_spaces_goes_into_quotes(shell, photo):
    photo.rename(photo.parent / "my still.jpg")
    assert shell.run_cell_magic("mjvideo", '"my still.jpg"', "steam").wait(PATIENCE).succeeded


def test_a_clip_is_extended(shell):
    job = mj.video("coffee.jpg", prompt="steam", extra=ONE)
    job.wait(PATIENCE)
    line = f"--extend {job.id}:0 --motion high --as longer"
    longer = shell.run_cell_magic("mjvideo", line, "it settles")
    asked = longer.request
    assert (asked.task_id, asked.index, asked.motion, asked.prompt) == (job.id, 0, "high", "it settles")
    assert shell.user_ns["longer"] is longer
    same = shell.run_cell_magic("mjvideo", f"--extend {job.id}:0", "\n").request
    assert (same.motion, same.prompt) == ("low", "steam")  # what is not given stays


def test_an_extend_is_made_once_by_its_cell_unless_again_is_given(shell, submits, monkeypatch):
    runs = itertools.count()
    monkeypatch.setattr("mjvideo_nb.notebook.job.current_cell", lambda: Cell("a-cell", str(next(runs))))
    job = mj.video("coffee.jpg", prompt="steam", extra=ONE)
    job.wait(PATIENCE)
    line = f"--extend {job.id}:0"
    first = shell.run_cell_magic("mjvideo", line, "on")
    assert shell.run_cell_magic("mjvideo", line, "on") is first
    again = shell.run_cell_magic("mjvideo", f"{line} --again", "on")
    assert again is not first
    again.wait(PATIENCE)
    assert first.wait(PATIENCE).id != again.id
    assert submits() == 3


def test_an_error_shows_as_others_do(shell, capsys):
    """Its own kind, whole and catchable; not IPython's one line about usage."""
    result = shell.run_cell("%%mjvideo coffee.jpg --motion fast\nsteam\n")
    assert isinstance(result.error_in_exec, mj.InvalidRequest)
    assert "motion" in capsys.readouterr().out


# What is refused


@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        ("", "image", "choose a first frame"),
        ("nowhere.jpg", "image", "nowhere.jpg"),
        ("coffee.jpg --motion fast", "motion", '"low" or "high"'),
        ("coffee.jpg --motion", "motion", "give it a value, such as low or high"),
        ("coffee.jpg --type ''", "video_type", '"480p", "720p"'),
        ("coffee.jpg --type", "video_type", "such as 480p or 720p"),
        ("coffee.jpg --speed 3", "line", "unrecognized arguments: --speed 3"),
        ("my coffee.jpg", "line", "in quotes where it has spaces"),
        ("'coffee.jpg", "line", "in quotes where it has spaces"),
        ("coffee.jpg --as 2nd", "as", "the name of a variable"),
        ("coffee.jpg --as class", "as", "the name of a variable"),
        ("coffee.jpg --as", "as", "such as job"),
        ("--extend 1773314942177684", "task_id", "TASK:INDEX"),
        ("--extend 1773314942177684:x", "task_id", "TASK:INDEX"),
        ("--extend :2", "task_id", "TASK:INDEX"),
        ("--extend", "task_id", "such as 1773314942177684:2"),
        ("coffee.jpg --extend 1773314942177684:2", "image", "leave 'coffee.jpg' out"),
    ],
)
def test_bad_input_is_named_with_its_remedy_before_anything_is_sent(refused, shell, line, field, says):
    error = refused(line, "steam")
    assert error.field == field
    assert says in str(error)


@pytest.mark.parametrize("line", ["coffee.jpg --motion low", "--extend 1773314942177684:2 --motion low"])
def test_a_motion_beside_another_in_the_prompt_is_refused(refused, line):
    error = refused(line, "steam --motion high")
    assert error.field == "motion"
    assert "low is asked for" in str(error)
    assert "Take --motion out of it" in str(error)


def test_a_wrong_name_is_refused_before_the_job_is_paid(refused, shell):
    refused("coffee.jpg --as 2nd", "steam")
    assert "2nd" not in shell.user_ns


def test_a_clip_that_is_not_there_is_not_extended(shell, refused):
    job = mj.video("coffee.jpg", prompt="steam", extra=ONE)
    job.wait(PATIENCE)
    assert refused(f"--extend {job.id}:3", "on").field == "index"
    assert refused(f"--extend {job.id}:7", "on").field == "index"


@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        ("", "command", "history, open, status or budget"),
        ("coffee.jpg", "command", "%%mjvideo, with two percent signs"),
        ("status now", "command", "leave 'now' out"),
        ("open", "task_id", "%mjvideo open 1773314942177684"),
        ("open 1 2", "task_id", "one task"),
    ],
)
def test_an_unknown_command_says_what_there_is(refused, line, field, says):
    error = refused(line)
    assert error.field == field
    assert says in str(error)


# Telling


def test_a_task_is_opened_and_the_history_shown(shell):
    job = mj.video("coffee.jpg", prompt="steam", extra=ONE)
    job.wait(PATIENCE)
    assert shell.run_line_magic("mjvideo", f"open {job.id}") is job
    assert type(shell.run_line_magic("mjvideo", "history")).__name__ == "History"


def test_the_status_names_the_service_and_what_is_under_way(shell, misbehave):
    assert repr(shell.run_line_magic("mjvideo", "status")).endswith("nothing is under way")
    misbehave("accepted-garbage")
    job = mj.video("coffee.jpg", prompt="steam rises", extra=ONE)
    with pytest.raises(mj.SubmissionUncertain):
        job.wait(PATIENCE)
    told = repr(shell.run_line_magic("mjvideo", "status"))
    assert told.splitlines()[-2:] == ["1 under way:", "uncertain  no id yet  steam rises"]
    assert KEY not in told


def test_the_budget_is_told(shell, sandbox, current):
    assert "no budget is set" in shell.run_line_magic("mjvideo", "budget")
    mj.connect(KEY, sandbox.url, library=current.folder, budget=10, price={"480p": 0.6})
    told = repr(shell.run_line_magic("mjvideo", "budget"))
    assert "0.00 USD spent" in told
    assert "10.00 USD left of the budget of 10.00 USD" in told
    assert "480p: about 0.60 USD" in told
    assert "720p: price unknown" in told
    assert KEY not in told


def test_the_sandbox_costs_nothing(shell, tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "_current", Session(sandbox=True, library=tmp_path / "other"))
    assert "480p: free in the sandbox" in shell.run_line_magic("mjvideo", "budget")


# Tab


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%%mjvideo coffee.jpg --mo", ["%%mjvideo coffee.jpg --motion"]),
        ("%%mjvideo coffee.jpg --motion ", ["%%mjvideo coffee.jpg --motion low", "%%mjvideo coffee.jpg --motion high"]),
        ("%%mjvideo coffee.jpg --motion h", ["%%mjvideo coffee.jpg --motion high"]),
        ("%%mjvideo coffee.jpg --type 7", ["%%mjvideo coffee.jpg --type 720p"]),
        (
            "%%mjvideo coffee.jpg --motion low --again --",
            [f"%%mjvideo coffee.jpg --motion low --again {option}" for option in ("--type", "--extend", "--as")],
        ),
        ("%mjvideo ", [f"%mjvideo {command}" for command in ("history", "open", "status", "budget")]),
        ("%mjvideo st", ["%mjvideo status"]),
    ],
)
def test_options_and_their_values_are_offered(shell, text, found):
    assert offered(shell, text) == found


def test_behind_an_image_the_options_are_offered(shell):
    assert offered(shell, "%%mjvideo coffee.jpg ") == [
        f"%%mjvideo coffee.jpg {option}" for option in ("--motion", "--type", "--extend", "--as", "--again")
    ]


def test_where_the_image_stands_paths_are(shell):
    assert "%%mjvideo coffee.jpg" in offered(shell, "%%mjvideo cof")


def test_a_prompt_is_not_completed(shell):
    assert not any("--motion" in each for each in offered(shell, "%%mjvideo coffee.jpg\n%%mjvideo a --mo"))


def test_recent_tasks_are_offered_newest_first(shell):
    first, second = (mj.video("coffee.jpg", prompt=prompt, extra=ONE) for prompt in ("one", "two"))
    first.wait(PATIENCE)
    second.wait(PATIENCE)
    assert offered(shell, "%mjvideo open ") == [f"%mjvideo open {job.id}" for job in (second, first)]
    assert offered(shell, f"%mjvideo open {first.id[:-2]}")[-1].endswith(first.id)
    line = "%%mjvideo --extend "
    assert offered(shell, line) == [f"{line}{job.id}:0" for job in (second, first)]
    assert offered(shell, f"{line}{second.id}:") == [f"{line}{second.id}:0"]


def test_tab_makes_no_library(shell, tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "_current", Session(KEY, library=tmp_path / "not-there"))
    assert "%mjvideo open 1" not in offered(shell, "%mjvideo open 1")
    assert not (tmp_path / "not-there").exists()


def test_a_library_that_cannot_be_read_does_not_break_tab(shell, tmp_path, monkeypatch):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "library.sqlite").write_bytes(b"no database at all" * 100)
    monkeypatch.setattr(sessions, "_current", Session(KEY, library=folder))
    assert not any(":" in each for each in offered(shell, "%%mjvideo --extend "))


# Loading


def test_loading_it_twice_or_anew_keeps_one_of_each(shell):
    manager = shell.extension_manager
    assert manager.load_extension("mjvideo_nb") == "already loaded"
    mj.load_ipython_extension(shell)
    assert offered(shell, "%mjvideo st") == ["%mjvideo status"]
    assert manager.unload_extension("mjvideo_nb") is None
    assert "mjvideo" not in shell.magics_manager.lsmagic()["cell"]
    assert offered(shell, "%mjvideo st") != ["%mjvideo status"]
    mj.unload_ipython_extension(shell)


def test_the_help_names_every_option(shell):
    told = shell.find_cell_magic("mjvideo").__doc__
    for words in ("%%mjvideo", "image", "--motion", "--type", "--extend", "--as", "--again", "blank line"):
        assert words in told


def test_loading_it_loads_nothing_heavy():
    code = (
        "import sys\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell()\nshell.extension_manager.load_extension('mjvideo_nb')\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"ipywidgets", "anywidget", "httpx", "sqlalchemy", "tenacity", "PIL", "av", "nest_asyncio2"}
    assert {name.removeprefix("mjvideo_nb") for name in loaded if name.startswith("mjvideo_nb")} == {
        "",
        ".errors",
        ".nesting",
        ".notebook",
        ".notebook.completing",
        ".notebook.magic",
    }

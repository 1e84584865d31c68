"""The magics in a kernel: a cell that is run again, its card, and Tab."""

from __future__ import annotations

from tests.patience import PATIENCE

MAKE = "%%mjvideo coffee.jpg --as job\nsteam --bs 1"
ID = f"print(job.wait({PATIENCE}).id)"
LOAD = "%load_ext mjvideo_nb"


def test_the_same_cell_shows_its_job_and_pays_once_also_after_a_restart(kernel, submits):
    kernel.run(LOAD)
    shown = kernel.run(MAKE, name="a-cell")
    assert (shown.status, shown.error) == ("ok", "")
    assert any("application/vnd.jupyter.widget-view+json" in mime for mime in shown.mimes)
    first = kernel.run(ID).text
    kernel.run(MAKE, name="a-cell")
    assert kernel.run(ID).text == first
    kernel.restart()
    kernel.run(LOAD)
    kernel.run(MAKE, name="a-cell")
    assert kernel.run(ID).text == first
    assert submits() == 1
    kernel.run(MAKE.replace("--as", "--again --as"), name="a-cell")
    again = kernel.run(ID).text
    assert again != first
    assert submits() == 2
    kernel.run(MAKE, name="a-cell")
    assert kernel.run(ID).text == again  # the cell shows what it has made last


def test_words_are_told_in_the_cell_and_an_error_as_one_of_video(kernel, submits):
    told = kernel.run_all(LOAD, "%mjvideo status", "%mjvideo budget")
    assert told[1].text.endswith("nothing is under way")
    assert "0.00 USD spent" in told[2].text
    cells = kernel.run_all(
        LOAD,
        "%%mjvideo coffee.jpg --motion fast\nsteam",
        "import mjvideo_nb as mj\nmj.video('coffee.jpg', 'steam', motion='fast')",
        stop_on_error=False,
    )
    assert [cell.status for cell in cells] == ["ok", "error", "error"]
    assert cells[1].error == cells[2].error
    assert cells[1].error.startswith("InvalidRequest: motion: ")
    assert submits() == 0


def test_tab_offers_options_and_recent_tasks(kernel):
    kernel.run_all(LOAD, MAKE)
    task = kernel.run(ID).text.strip()
    assert kernel.complete("%%mjvideo coffee.jpg --mot") == ["--motion"]
    assert kernel.complete("%%mjvideo coffee.jpg --motion ") == ["low", "high"]
    assert kernel.complete("%mjvideo open ") == [task]
    assert kernel.complete(f"%%mjvideo --extend {task}:") == [f"{task}:0"]

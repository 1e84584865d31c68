"""A blind ranking as somebody makes it: clips judged by keys without a word of which they are, then the table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .notebook import in_both_hosts

PROJECT = Path(__file__).parents[2]
PHOTO = PROJECT / "notebooks" / "coffee.jpg"

PROMPT = "zanzibar petals <b>open</b>"
MAKE = f"""
import mjvideo_nb as mj
job = mj.video("coffee.jpg", prompt={PROMPT!r}, motion="high")
task = job.wait(240)
"""
RANK = """ranking = mj.rank({"zanzibar one": job[0], "zanzibar <i>two</i>": job[1], "zanzibar three": job[2]}, title="The class votes")
ranking"""
TELL = "print([(one.label, one.place) for one in ranking.results], ranking.judgements)"
TABLE = "ranking.table()"

CODE = ("execute_input", "execute_request", "history_reply")
"""The messages that carry what the reader has written."""
PLAYS = "card => { const all = [...card.querySelectorAll('video')]; return all.length === 2 && all.every(v => v.currentTime > 0.1); }"
PICTURE = """video => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 16, height: 16});
    canvas.getContext('2d').drawImage(video, 0, 0, 16, 16);
    return [...canvas.getContext('2d').getImageData(0, 0, 16, 16).data];
}"""
AT_END = "video => new Promise(done => { video.onseeked = () => done(); video.currentTime = 4; })"
STICKS_OUT = """card => [...card.querySelectorAll('*')]
    .filter(node => node.getClientRects().length && !node.closest('thead, tfoot')
        && (node.getBoundingClientRect().right > card.getBoundingClientRect().right + 1
            || (node.matches('td, th, button, .mj-line, p') && node.scrollWidth > node.clientWidth + 1)))
    .map(node => `${node.className?.baseVal ?? node.className}: ${node.textContent}`)"""


def card_of(notebook, cell=1):
    return notebook.cell(cell).locator(".mj-blind")


def words(card):
    return card.get_by_role("status").first


def ready(notebook, card):
    notebook.page.wait_for_function(PLAYS, arg=card.element_handle())
    expect(card.get_by_role("button", name="Left is better")).not_to_have_attribute("aria-disabled", "true")


class Wire:
    """All that goes between the page and the server: text of messages, and addresses."""

    def __init__(self, page):
        self.told = []
        page.on("request", lambda request: self.told.append(request.url))
        page.on(
            "websocket", lambda socket: socket.on("framereceived", self._note) or socket.on("framesent", self._note)
        )

    def _note(self, frame):
        self.told.append(frame.decode("latin-1") if isinstance(frame, bytes) else frame)

    def has(self, word):
        return [text[:300] for text in self.told if word in text]


@pytest.fixture
def notebook(notebooks):
    """Three clips to be made, and the widget that ranks them; not yet open."""
    return notebooks.new([MAKE, RANK, TELL, TABLE], files=[PHOTO])


@pytest.fixture
def ranked(notebook):
    """The same, open, with the widget in sight."""
    notebook.open()
    for cell in (0, 1):
        notebook.run_cell(cell)
        notebook.wait_idle()
    return notebook


@pytest.fixture
def wire(notebook):
    """What is told from the beginning."""
    return Wire(notebook.page)


def judge_to_the_end(notebook, card):
    """Judge by keys until the first place is settled: the darker one at four seconds is the better one, without a doubt."""
    judged = 0
    while "settled" not in words(card).inner_text():
        ready(notebook, card)
        card.locator("video").evaluate_all(f"videos => Promise.all(videos.map({AT_END}))")
        left, right = (sum(video.evaluate(PICTURE)) for video in card.locator("video").all())
        notebook.page.keyboard.press("ArrowLeft" if left < right else "ArrowRight")
        judged += 1
        expect(words(card)).to_contain_text(f"{judged} judged")
        assert judged < 25
    return judged


@in_both_hosts
def test_three_clips_are_ranked_blind_by_keys_to_the_end(wire, ranked):
    card, page = card_of(ranked), ranked.page
    expect(words(card)).to_have_text("Nothing judged yet")
    ready(ranked, card)
    ranked.screenshot("blind-judging-light")
    cells = page.locator(".jp-Cell").count()
    card.get_by_role("button", name="Left is better").focus()
    page.keyboard.press("b")  # JupyterLab would insert a cell
    judged = judge_to_the_end(ranked, card)
    ranked.screenshot("blind-settled-light")
    assert page.locator(".jp-Cell").count() == cells

    # Nothing of which clip is which has come to the page, in whatever way, but for the code that its reader wrote.
    task = next((ranked.folder / "mjvideo" / "clips").iterdir()).name
    secrets = ("zanzibar", task, "mjvideo/clips", ".mp4")
    told = [text for text in wire.told if not any(kind in text for kind in CODE)]
    assert any("anywidget-command" in text for text in told), "the wire was not listened to"
    for word in secrets:
        assert word not in ranked.cell(1).evaluate("cell => cell.outerHTML")
        assert [text[:200] for text in told if word in text] == []
    sources = card.locator("video").evaluate_all("videos => videos.map(video => video.src)")
    assert {source.partition(":")[0] for source in sources} == {"blob"}

    ready(ranked, card)
    page.keyboard.press("ArrowDown")
    expect(words(card)).to_contain_text(f"{judged + 1} judged")
    ready(ranked, card)  # while an answer is awaited, keys do nothing
    page.keyboard.press("Backspace")
    expect(words(card)).to_contain_text(f"{judged} judged")

    wire.told.clear()
    card.get_by_role("button", name="Show the ranking").click()
    table = card.get_by_role("table", name="The class votes")
    expect(table.get_by_role("row")).to_have_count(4)
    expect(card.locator("video")).to_have_count(0)
    assert any("zanzibar" in text for text in wire.told)
    first = table.get_by_role("row").nth(1)
    expect(first.get_by_role("img", name=re.compile("^Score [0-9]+, 95 % interval"))).to_be_visible()
    assert table.locator("i").count() == 0, "a label became markup"
    ranked.screenshot("blind-ranking-light")
    best = first.get_by_role("rowheader").inner_text()
    ranked.run_cell(2)
    ranked.run_cell(3)
    ranked.wait_idle()
    expect(ranked.cell(2)).to_contain_text(f"('{best}', 1)")
    expect(ranked.cell(2)).to_contain_text(f"] {judged}")
    expect(ranked.cell(3).get_by_role("row").nth(1)).to_contain_text(best)
    assert ranked.console_errors == []


@pytest.mark.long
def test_it_is_readable_in_the_dark_and_at_any_width(ranked):
    card = card_of(ranked)
    ready(ranked, card)
    card.get_by_role("button", name="Right is better").click()
    expect(words(card)).to_contain_text("1 judged")
    ranked.theme(dark=True)
    for width in (320, 560, 1280):
        ranked.resize(width)
        ready(ranked, card)
        ranked.screenshot(f"blind-judging-{width}", card)
        assert card.evaluate(STICKS_OUT) == [], f"at {width} px"
    card.get_by_role("button", name="Show the ranking").click()
    expect(card.get_by_role("table")).to_be_visible()
    assert card.get_by_text("1 clip not judged yet: the place is a guess.").count() == 1
    for width in (1280, 900, 560, 320):
        ranked.resize(width)
        ranked.screenshot(f"blind-ranking-{width}", card)
        assert card.evaluate(STICKS_OUT) == [], f"at {width} px"
    card.get_by_role("button", name="Go on judging").click()
    ready(ranked, card)
    assert "zanzibar" not in card.evaluate("card => card.outerHTML")
    assert ranked.console_errors == []


@pytest.mark.long
def test_a_ranking_goes_on_after_a_restart_and_a_rerun_leaves_one_view(ranked):
    card = card_of(ranked)
    for count in (1, 2):
        ready(ranked, card)
        card.get_by_role("button", name="Right is better").click()
        expect(words(card)).to_contain_text(f"{count} judged")
    for _ in range(3):
        ranked.run_cell(1)
        ranked.wait_idle()
    expect(card).to_have_count(1)
    expect(words(card)).to_contain_text("2 judged")

    ranked.restart_kernel()
    card.get_by_role("button", name="Undo").click()
    expect(card.get_by_role("status").last).to_contain_text("kernel")
    for cell in (0, 1):
        ranked.run_cell(cell)
        ranked.wait_idle()
    expect(words(card)).to_contain_text("2 judged")
    ready(ranked, card)
    card.get_by_role("button", name="Equal").click()
    expect(words(card)).to_contain_text("3 judged")


@pytest.mark.long
def test_a_clip_that_is_gone_is_left_out_without_a_word_of_which_it_is(ranked):
    card = card_of(ranked)
    ready(ranked, card)
    (folder,) = (ranked.folder / "mjvideo" / "clips").iterdir()
    ranked.restart_kernel()
    ranked.run_cell(0)
    ranked.wait_idle()
    code = RANK.replace("\nranking", f"\nimport pathlib; pathlib.Path({str(folder / '1.mp4')!r}).unlink()\nranking")
    ranked.write_cell(1, code)
    ranked.run_cell(1)
    ranked.wait_idle()
    expect(card.get_by_text("1 of the clips cannot be read and is left out.")).to_be_visible()
    ready(ranked, card)
    assert "zanzibar" not in card.evaluate("card => card.outerHTML")
    card.get_by_role("button", name="Left is better").click()
    expect(words(card)).to_contain_text("1 judged")
    card.get_by_role("button", name="Show the ranking").click()
    expect(card.get_by_text("Left out since, because the file cannot be read: zanzibar <i>two</i>.")).to_be_visible()

"""The end of a widget: its views let go of what they hold, also where the kernel has not answered."""

from __future__ import annotations

import pytest

from mjvideo_nb.notebook.blind import Ranking
from mjvideo_nb.notebook.stage import Stage
from tests.cards import card

CLIP = {"index": 0, "path": None, "url": None, "name": "clip.mp4"}
BLIND = {
    "title": "",
    "count": 3,
    "words": "",
    "revealed": False,
    "judged": 0,
    "settled": False,
    "round": "a",
    "share": 0,
}

# A widget whose kernel never answers, shown and then ended: what was sent, and whether a view is left.
ENDS = """async ([esm, values]) => {
    const sent = [];
    const model = {
        get: name => values[name],
        on() {}, off() {}, save_changes() {},
        send: message => sent.push(message.kind),
        widget_manager: {},
    };
    const widget = (await import(URL.createObjectURL(new Blob([esm], {type: 'text/javascript'})))).default();
    const end = widget.initialize({model});
    const el = document.body.appendChild(document.createElement('div'));
    await widget.render({model, el});
    for (let tries = 0; !sent.length && tries < 4800; tries += 1) await new Promise(done => setTimeout(done, 50));
    end();
    return [sent[0], el.querySelectorAll('video[src]').length];
}"""


@pytest.mark.parametrize(
    ("widget", "values"),
    [
        (Stage, {"card": card(clips=[CLIP]), "acts": []}),
        (Ranking, {"page": {**BLIND, "pair": ["one", "two"]}}),
    ],
    ids=["stage", "ranking"],
)
def test_it_ends_while_a_clip_is_awaited(chromium, widget, values):
    page = chromium.new_page()
    try:
        assert page.evaluate(ENDS, [widget._esm, values]) == ["bytes", 0]
    finally:
        page.close()

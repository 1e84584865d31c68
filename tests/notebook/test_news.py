"""What listeners are told of changes: none is left out."""

from __future__ import annotations

import threading

from mjvideo_nb.notebook.news import News
from tests.patience import PATIENCE


def test_a_change_that_comes_while_another_is_told_is_told_too():
    news, later, told, over = News(lambda: 0), News(lambda: 0), [], threading.Event()

    def listen():
        told.append("once")
        if len(told) == 1:
            news.tell()
            later.tell()

    news.listen(listen)
    later.listen(over.set)
    news.tell()
    assert over.wait(PATIENCE)
    assert told == ["once", "once"]

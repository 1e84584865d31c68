"""What a form begins with is the library's: for every kernel on it, and without what was deleted."""

from __future__ import annotations

from sqlalchemy import update

import mjvideo_nb as mj
from mjvideo_nb.library.tables import settings


def add(library, prompt, frame="a.jpg", name="tulip.jpg"):
    request = mj.VideoRequest(image="https://x.example/a.jpg", prompt=prompt)
    return library.ledger.add(request, service="s", frame=frame, frame_name=name).id


def test_settings_are_those_of_the_last_form_also_in_another_kernel(library, another):
    assert library.remembered.settings() == {}
    library.remembered.remember({"motion": "low"})
    library.remembered.remember({"motion": "high", "video_type": "720p"})
    other = another()
    assert other.remembered.settings() == {"motion": "high", "video_type": "720p"}


def test_settings_that_cannot_be_read_are_none(library):
    library.remembered.remember({"motion": "low"})
    for text in ("{cut", "[1]"):
        row = update(settings).values(form=text)
        library._database.write(lambda connection, row=row: connection.execute(row))
        assert library.remembered.settings() == {}


def test_prompts_are_each_there_once_the_newest_first(library):
    for prompt in ("one", "two", "", "three", "one"):
        add(library, prompt)
    assert library.remembered.prompts()[0] == "one"
    assert sorted(library.remembered.prompts()) == ["one", "three", "two"]
    assert library.remembered.prompts(limit=1) == ["one"]


def test_frames_are_each_there_once_under_their_newest_name(library):
    for frame, name in (("a.jpg", "old name"), ("b.jpg", "rocket"), ("", ""), ("a.jpg", "tulip")):
        add(library, "steam", frame, name)
    found = library.remembered.frames(10)
    assert sorted(found) == [("a.jpg", "tulip"), ("b.jpg", "rocket")]
    assert len(library.remembered.frames(1)) == 1


def test_what_is_in_the_trash_is_not_offered(library):
    gone = add(library, "gone", "gone.jpg")
    library.ledger.refused(gone, mj.Refused("no"))
    add(library, "kept")
    library.shelf.trash([gone])
    assert library.remembered.prompts() == ["kept"]
    assert library.remembered.frames(10) == [("a.jpg", "tulip.jpg")]

"""A library moved over to a database and back: the same rows, all of them or none, and whole files."""

from __future__ import annotations

import hashlib
import time

import pytest
from sqlalchemy import event, insert, select

from mjvideo_nb import LibraryError, VideoRequest
from mjvideo_nb.config import Secret
from mjvideo_nb.errors import SubmissionUncertain
from mjvideo_nb.frames import Frame
from mjvideo_nb.library import JobState, Library, Query, moving, tables
from mjvideo_nb.library.allowances import EACH, EVERYBODY, Allowance
from mjvideo_nb.library.moving import LEFT_BEHIND, MOVED, copy_files, copy_rows, open_database
from mjvideo_nb.models import Clip, Task
from mjvideo_nb.part import Copy
from mjvideo_nb.ranking import Judgement
from tests.patience import PATIENCE

SERVICE = "https://gateway.example"
PIXEL = b"\x89PNG\r\n\x1a\n and what a picture holds"


def make(library, number, *, prompt="petals open", frame=True):
    """A job with two clips that are on disk."""
    picture = Frame(data=PIXEL + bytes([number]), media_type="image/png", name="a.png")
    request = VideoRequest(image=picture if frame else "https://x.example/a.jpg", prompt=prompt)
    kept, name = library.keep_frame(request)
    entry = library.ledger.add(request, service=SERVICE, price=0.6, frame=kept, frame_name=name)
    library.ledger.sending(entry.id)
    task = f"{number:016d}"
    seen = Task(task, status="SUCCESS", clips=tuple(Clip(task, i, url=f"https://x.example/{i}") for i in range(2)))
    library.ledger.accepted(entry.id, seen)
    library.ledger.finished(entry.id, seen)
    copies = {}
    for clip in seen.clips:
        path = library.clips_folder / task / f"{clip.index}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"clip {clip.index} of {task}".encode())
        copies[clip.index] = Copy(path, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        poster = library.poster_path(path)
        poster.parent.mkdir(parents=True, exist_ok=True)
        poster.write_bytes(b"small")
    library.ledger.kept(entry.id, copies)
    return library.shelf.get(entry.id)


def fill(library):
    """Something in every table."""
    one, two = make(library, 1, prompt="with a \0 in it"), make(library, 2)
    library.shelf.rate(one.id, 1, 5)
    library.shelf.tag(one.id, ["keep", "od\0d"])
    library.shelf.note(two.id, "for the lesson")
    library.shelf.trash([two.id])
    ranking = library.judging.begin([{"job": one.id, "index": 0}, {"job": one.id, "index": 1}], "which")
    library.judging.add(ranking.id, Judgement(0, 1, 1))
    sweep = library.sweeping.start("{}", cell="c", fingerprint="f")
    library.sweeping.put(sweep, 0, one.id)
    library.remembered.remember({"motion": "high"})
    library.allowances.put([Allowance(EVERYBODY, 600.0, 5), Allowance(EACH, 12.0), Allowance("alice", 20.0)])
    lost = library.ledger.add(VideoRequest(image="https://x/a.jpg"), service=SERVICE, price=0.6)
    library.ledger.sending(lost.id)
    library.ledger.uncertain(lost.id, SubmissionUncertain("lost"))
    return one, two, ranking, sweep


def rows(database, *, as_kept=False):
    """Every table wholly; with `as_kept` as it was before it was moved."""
    with database.read() as connection:
        found = {
            table.name: sorted(
                [dict(row) for row in connection.execute(select(table)).mappings()],
                key=lambda row, table=table: [str(row[column.name]) for column in table.primary_key],
            )
            for table in MOVED
        }
    for row in found["jobs"] if as_kept else ():
        row.update(LEFT_BEHIND)
    return found


def without_nul(found):
    return {
        name: [
            {key: value.replace("\0", "\ufffd") if isinstance(value, str) else value for key, value in row.items()}
            for row in every
        ]
        for name, every in found.items()
    }


def copied(source, target):
    """What the command does, between databases that are opened for it."""
    old, new = open_database(source), open_database(target)
    try:
        return copy_rows(old, new)
    finally:
        old.close()
        new.close()


def files_copied(source, target, from_folder, to_folder):
    old, new = open_database(source), open_database(target)
    try:
        return copy_files(old, new, from_folder, to_folder)
    finally:
        old.close()
        new.close()


def rows_of(place, *, as_kept=False):
    database = open_database(place)
    try:
        return rows(database, as_kept=as_kept)
    finally:
        database.close()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mjvideo"


@pytest.fixture
def filled(folder):
    library = Library(folder)
    made = fill(library)
    library.close()
    return made


@pytest.fixture
def server(shared_database):
    return Secret(shared_database)


def test_to_a_database_and_to_another_folder_the_rows_are_the_same(folder, filled, server, tmp_path):
    before = rows_of(folder, as_kept=True)
    assert all(before.values()), "every table has something in it"
    moved = copied(folder, server)
    assert moved.rows == {name: len(every) for name, every in before.items()}
    assert (moved.there, moved.usd) == (0, pytest.approx(1.8))
    assert rows_of(server) == without_nul(before)
    copied(server, tmp_path / "other")
    assert rows_of(tmp_path / "other") == without_nul(before)


def test_a_second_run_copies_what_is_new_and_leaves_the_rest(folder, filled, server):
    one, two, ranking, _ = filled
    copied(folder, server)
    there = Library(folder, server)
    there.shelf.tag(one.id, [])
    there.shelf.note(one.id, "as it is here")
    there.shelf.empty_trash()
    there.judging.undo(ranking.id)
    there.allowances.put([Allowance("alice", 5.0)])
    there.close()
    here = Library(folder)
    new = make(here, 7)
    here.close()
    before = rows_of(server)
    moved = copied(folder, server)
    assert {name: count for name, count in moved.rows.items() if count} == {"jobs": 1, "clips": 2}
    assert (moved.there, moved.usd) == (3, pytest.approx(0.6))
    after = rows_of(server)
    assert [row for row in after["jobs"] if row["id"] != new.id] == before["jobs"]
    assert [row for row in after["clips"] if row["job"] != new.id] == before["clips"]
    assert {name: after[name] for name in ("tags", "judgements", "allowances")} == {
        name: before[name] for name in ("tags", "judgements", "allowances")
    }
    assert two.id not in {row["job"] for row in after["clips"]}
    assert copied(folder, server).rows.keys() == moved.rows.keys()
    assert rows_of(server) == after


@pytest.mark.parametrize("to_server", [True, False])
def test_a_failure_midway_leaves_the_target_as_it_was(folder, filled, server, tmp_path, monkeypatch, to_server):
    target = server if to_server else tmp_path / "other"
    before = rows_of(target)
    new = open_database(target)
    inserts = []

    @event.listens_for(new._engine, "before_cursor_execute")
    def fail(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT"):
            inserts.append(statement)
            if "sweeps" in statement:
                raise RuntimeError("the power failed")

    old = open_database(folder)
    with pytest.raises(RuntimeError, match="the power failed"):
        copy_rows(old, new)
    old.close()
    new.close()
    assert len(inserts) > 4
    assert rows_of(target) == before


def test_a_source_that_cannot_be_read_is_named_and_not_the_target(folder, filled, server):
    old, new = open_database(folder), open_database(server)

    @event.listens_for(old._engine, "before_cursor_execute", retval=True)
    def damage(_connection, _cursor, statement, parameters, *_):
        return statement.replace("FROM clips", "FROM lost_clips"), parameters

    with pytest.raises(LibraryError, match=f"The library in {folder} cannot be used.*lost_clips"):
        copy_rows(old, new)
    old.close()
    new.close()
    assert not any(rows_of(server).values())


@pytest.mark.parametrize("sending", [False, True])
def test_what_a_living_kernel_is_about_to_send_is_not_copied(another, tmp_path, sending):
    library = another()
    make(library, 1)
    entry = library.ledger.add(VideoRequest(image="https://x/a.jpg"), service=SERVICE, price=0.6)
    if sending:
        library.ledger.sending(entry.id)
    new = open_database(tmp_path / "new")
    with pytest.raises(LibraryError, match=r"1 request waits to be sent.*Nothing was copied.*then copy again"):
        copy_rows(library._database, new)
    assert not any(rows(new).values())
    library.close()
    old = open_database(library._database.folder if not library.is_shared else Secret(_address(library)))
    assert copy_rows(old, new).rows["jobs"] == 2
    old.close()
    new.close()
    after = Library(tmp_path / "new")
    assert after.take_over(lambda _service: True) == []
    settled = after.shelf.get(entry.id)
    assert settled.state == (JobState.UNCERTAIN if sending else JobState.REFUSED), "no kernel of the new place sends it"
    after.close()


def _address(library):
    return library._database.address.render_as_string(hide_password=False)


def test_what_runs_is_copied_and_goes_on_in_the_new_place(folder, server):
    old = Library(folder)
    entry = old.ledger.add(VideoRequest(image="https://x/a.jpg"), service=SERVICE, price=0.6)
    old.ledger.sending(entry.id)
    old.ledger.accepted(entry.id, Task("17"))
    copied(folder, server)
    new = Library(folder, server)
    assert [one.id for one in new.take_over(lambda _service: True)] == [entry.id]
    assert [one.id for one in new.account.sights.to_follow(SERVICE)] == [entry.id]
    old.close()
    new.close()


def test_everything_works_in_the_new_place(folder, filled, server):
    one, two, ranking, sweep = filled
    copied(folder, server)
    new = Library(folder, server)
    found, total = new.shelf.search(Query(words="with"))
    assert (total, found[0].id, found[0].ratings) == (1, one.id, {1: 5})
    assert found[0].clips[0].path.read_bytes() == one.clips[0].path.read_bytes()
    new.shelf.rate(one.id, 0, 3)
    assert new.judging.add(ranking.id, Judgement(1, 0, 0)).judgements[-1].better == 0
    assert new.sweeping.jobs(sweep)[0].id == one.id
    assert new.sweeping.find("c", "f").id == sweep
    assert new.remembered.settings() == {"motion": "high"}
    assert new.spent() == pytest.approx(1.8)
    assert new.allowances.all()[EVERYBODY] == Allowance(EVERYBODY, 600.0, 5)
    assert [entry.price for entry in new.shelf.uncertain()] == [0.6]
    new.shelf.restore([two.id])
    assert make(new, 9).state == JobState.DONE
    new.close()


def test_five_thousand_jobs_are_copied_in_a_bearable_time(folder, server, tmp_path):
    library = Library(folder)
    entry = make(library, 1)
    with library._database.read() as connection:
        job = dict(connection.execute(select(tables.jobs)).mappings().one())
        clip = dict(connection.execute(select(tables.clips).limit(1)).mappings().one())

    def work(connection):
        ids = [f"{number:020x}" for number in range(5000)]
        connection.execute(insert(tables.jobs), [{**job, "id": one, "task_id": one} for one in ids])
        every = [{**clip, "job": one, "index": index} for one in ids for index in range(4)]
        connection.execute(insert(tables.clips), every)

    library._database.write(work)
    library.close()
    begun = time.monotonic()
    assert copied(folder, server).rows["clips"] == 20_002
    to_server = time.monotonic() - begun
    assert copied(server, tmp_path / "other").rows["jobs"] == 5001
    both = time.monotonic() - begun
    print(f"5,001 jobs and 20,002 clips: {to_server:.1f} s to the server, {both - to_server:.1f} s back")
    assert both < PATIENCE
    assert entry.id in {row["id"] for row in rows_of(tmp_path / "other")["jobs"]}


# Files


def tree(folder):
    """What is copied of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for part in ("clips", "frames", "posters")
        for path in (folder / part).rglob("*")
        if path.is_file()
    }


def test_files_go_from_folder_to_folder_once(folder, filled, tmp_path):
    other = tmp_path / "other"
    assert copied(folder, other).rows["jobs"] == 3
    found = files_copied(folder, other, folder, other)
    assert (found.copied, found.there, found.missing, found.damaged) == (10, 0, (), ())
    assert tree(other) == tree(folder)
    (other / "clips" / f"{1:016d}" / "0.mp4").unlink()
    again = files_copied(folder, other, folder, other)
    assert (again.copied, again.there) == (1, 9)
    assert tree(other) == tree(folder)


def test_files_come_as_far_as_they_are_there(folder, filled, server, tmp_path):
    copied(folder, server)
    (folder / "clips" / f"{1:016d}" / "1.mp4").unlink()
    other = tmp_path / "other"
    copied(server, other)
    found = files_copied(server, other, folder, other)
    assert found.missing == (f"clips/{1:016d}/1.mp4",)
    assert tree(other) == tree(folder), "the small picture that is there came too"


def test_a_file_that_is_not_what_was_kept_is_not_copied(folder, filled, tmp_path):
    clip = f"clips/{1:016d}/0.mp4"
    (folder / clip).write_bytes(b"another one")
    other = tmp_path / "other"
    copied(folder, other)
    found = files_copied(folder, other, folder, other)
    assert found.damaged == (clip,)
    assert not (other / clip).exists()
    assert not list(other.rglob("*.part"))


def test_what_was_deleted_for_good_does_not_come_back(folder, filled, tmp_path):
    two, other = filled[1], tmp_path / "other"
    copied(folder, other)
    files_copied(folder, other, folder, other)
    there = Library(other)
    there.shelf.empty_trash()
    there.close()
    before = tree(other)
    assert not any(two.task_id in name for name in before)
    copied(folder, other)
    files_copied(folder, other, folder, other)
    assert tree(other) == before


@pytest.mark.parametrize(
    "name", ["../secret.mp4", "/etc/passwd", "clips/../../secret.mp4", "c:\\secret", "", "a\\..\\b"]
)
def test_no_row_names_a_file_outside_of_the_folder(folder, filled, tmp_path, name):
    """Whoever may write in a shared database could have written it."""
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    old = open_database(folder)
    old.write(lambda c: c.execute(tables.clips.update().where(tables.clips.c.index == 0).values(path=name)))
    old.write(lambda c: c.execute(tables.jobs.update().values(frame=name)))
    old.close()
    other = tmp_path / "deep" / "other"
    copied(folder, other)
    found = files_copied(folder, other, folder, other)
    assert name in found.missing
    assert {path.name for path in tmp_path.rglob("secret*")} == {"secret.mp4"}
    assert all(path.startswith(("clips/", "posters/")) for path in tree(other))


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(folder, filled, tmp_path, monkeypatch):
    other = tmp_path / "other"
    copied(folder, other)
    (other / "clips").write_text("no folder")
    with pytest.raises(LibraryError, match=r"could not all be copied to .*other.*then copy again"):
        files_copied(folder, other, folder, other)


def test_the_tables_that_are_moved_are_all_but_those_of_the_library_itself():
    assert {table.name for table in MOVED} | {"meta", "kernels", "writes"} == set(tables.metadata.tables)
    assert [table for table in tables.metadata.sorted_tables if table in MOVED].index(tables.jobs) < 9
    assert set(moving.OWNED) <= set(MOVED)

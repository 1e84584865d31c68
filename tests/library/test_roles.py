"""The roles of a shared database, made by the very lines of the README: who may look, who may spend, and nobody more."""

from __future__ import annotations

import re
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event, make_url, text

from mjvideo_nb import LibraryError, VideoRequest
from mjvideo_nb.config import Secret
from mjvideo_nb.errors import Refused, SubmissionUncertain, TaskNotFound
from mjvideo_nb.library import JobState, Library, Query, tables
from mjvideo_nb.library.allowances import EVERYBODY, Allowance
from mjvideo_nb.library.moving import open_database
from mjvideo_nb.library.overview import overview
from mjvideo_nb.models import Clip, Task
from mjvideo_nb.notebook.session import Session
from mjvideo_nb.part import Copy
from mjvideo_nb.ranking import Judgement
from tests.patience import PATIENCE

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"^```sql\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
ROLES = ("mj_look", "mj_spend")
SERVICE = "https://gateway.example"
REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals open")
CHANGES = re.compile(r"^(INSERT INTO|UPDATE|DELETE FROM) (\w+)")


@pytest.fixture
def owned(shared_database, tmp_path):
    """The library of whoever opened it first, with the roles, who may log in."""
    library = Library(tmp_path / "owner", shared_database)
    library.allowances.put([Allowance(EVERYBODY, 100.0, 5)])
    address = shared_database.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(BLOCK)
        for role in ROLES:
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)))
        yield library
        library.close()
        for role in ROLES[::-1]:
            connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


@pytest.fixture
def as_role(owned, shared_database, tmp_path):
    """``as_role("mj_look")``: the library as that role has it, in a folder of its own."""
    opened = []

    def open_one(role):
        opened.append(Library(tmp_path / role, address(shared_database, role)))
        return opened[-1]

    yield open_one
    for library in opened:
        if not library.closed:
            library.close()


def address(url, role):
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def live(library):
    """All that becomes of jobs, and all that people say of them."""
    account, ledger = library.account, library.ledger
    entry = ledger.add(REQUEST, service=SERVICE, price=0.6, cell="c", fingerprint="f")
    account.line.join(entry.id)
    assert account.line.take([entry.id], SERVICE, 5).turns == {entry.id}
    ledger.sending(entry.id)
    ledger.turned_away(entry.id, Refused("not now"))
    ledger.sending(entry.id)
    seen = Task("17", status="SUCCESS", clips=(Clip("17", 0, url="https://x/0"), Clip("17", 1, url="https://x/1")))
    ledger.accepted(entry.id, Task("17"))
    account.sights.put({entry.id: seen})
    account.sights.trouble("none")
    assert account.sights.get(entry.id).succeeded
    ledger.finished(entry.id, seen)
    copies = {clip.index: Copy(library.clips_folder / "17" / f"{clip.index}.mp4", 4, "d" * 64) for clip in seen.clips}
    ledger.kept(entry.id, copies, copying=True)
    for index in copies:
        ledger.copied(entry.id, index, "s3://x")
    library.shelf.rate(entry.id, 0, 5)
    library.shelf.tag(entry.id, ["keep"])
    library.shelf.note(entry.id, "good")
    ranking = library.judging.begin([{"job": entry.id, "index": 0}, {"job": entry.id, "index": 1}])
    library.judging.name(ranking.id, "which")
    library.judging.add(ranking.id, Judgement(0, 1, 1))
    library.judging.undo(ranking.id)
    library.sweeping.put(library.sweeping.start("{}"), 0, entry.id)
    library.remembered.remember({"motion": "high"})
    found = library.shelf.get(entry.id)
    assert (found.state, found.ratings) == (JobState.DONE, {0: 5})
    adopted = ledger.adopt("404", service=SERVICE)
    account.sights.put({adopted.id: TaskNotFound("unknown")})
    account.sights.forget(adopted.id)
    ledger.drop(adopted.id)
    lost = ledger.add(REQUEST, service=SERVICE, price=0.6)
    ledger.sending(lost.id)
    ledger.uncertain(lost.id, SubmissionUncertain("lost"))
    ledger.forget(lost.id)
    library.shelf.trash([lost.id])
    library.shelf.restore([lost.id])
    library.shelf.trash([lost.id, entry.id])
    assert library.shelf.empty_trash() == []
    assert library.take_over(lambda _service: True) == []
    return entry


def test_who_may_spend_can_do_all_that_becomes_of_a_job(as_role):
    library = as_role("mj_spend")
    live(library)
    assert library.spent() == pytest.approx(1.2)
    library.close()


def test_who_may_spend_is_heard_and_polls(as_role, owned):
    library = as_role("mj_spend")
    chosen, heard = [], []
    library.account.switchboard.listen(lambda about, name: heard.append((about, name)))
    library.account.switchboard.seek(SERVICE, chosen.append)
    library.account.switchboard.start()
    _until(lambda: chosen == [True])
    assert sum(kernel.polls for kernel in overview(owned._database).kernels) == 1
    live(library)
    _until(lambda: ("line", "") in heard)


def _until(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_has_the_grants_that_it_needs_and_no_other(owned, tmp_path, shared_database):
    """What the whole life of jobs writes is what may be written."""
    library = Library(tmp_path / "another", shared_database)
    written = {("INSERT", "kernels")}

    @event.listens_for(library._database._engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_):
        if found := CHANGES.match(statement):
            written.add((found[1].split()[0], found[2]))

    live(library)
    library.close()
    with owned._database.read() as connection:
        granted = connection.execute(
            text(
                "SELECT privilege_type, table_name FROM information_schema.role_table_grants"
                " WHERE grantee = 'mj_spend' AND privilege_type <> 'SELECT'"
            )
        )
        assert {tuple(row) for row in granted} == written
        seen = connection.execute(
            text(
                "SELECT privilege_type, table_name FROM information_schema.role_table_grants WHERE grantee = 'mj_look'"
            )
        )
        assert {tuple(row) for row in seen} == {("SELECT", name) for name in tables.metadata.tables if name != "writes"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE allowances SET at_once = 99, budget = NULL",
        "INSERT INTO allowances (person, budget) VALUES ('mj_spend', 1000)",
        "DELETE FROM allowances",
        "TRUNCATE jobs CASCADE",
        "DROP TABLE tags",
        "ALTER TABLE jobs DROP COLUMN price",
        "CREATE TABLE mine (id int)",
        "UPDATE meta SET value = '99'",
        "ALTER TABLE allowances OWNER TO mj_spend",
        "SET ROLE owner",
    ],
)
def test_nobody_raises_a_limit_or_takes_something_away(owned, shared_database, role, statement):
    with (
        psycopg.connect(address(shared_database, role).replace("+psycopg", "")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)
    assert owned.allowances.all()[EVERYBODY] == Allowance(EVERYBODY, 100.0, 5)


def test_to_raise_a_limit_is_refused_in_words(as_role):
    with pytest.raises(LibraryError, match=r"You may not do this in the library .*allowances.*Ask whoever looks after"):
        as_role("mj_spend").allowances.put([Allowance(EVERYBODY, 1000.0, 50)])


def test_who_may_look_opens_the_library_and_finds_everything(as_role, owned, shared_database):
    spender = as_role("mj_spend")
    entry = spender.ledger.add(REQUEST, service=SERVICE, price=0.6)
    library = as_role("mj_look")
    found, total = library.shelf.search(Query(words="petals"))
    assert (total, found[0].id, library.spent()) == (1, entry.id, 0.6)
    assert library.account is None
    assert library.is_followed(entry)
    assert library.allowances.all()[EVERYBODY].at_once == 5
    assert library.remembered.settings() == {}
    assert (library.judging.all(), library.shelf.all_tags()) == ([], [])
    with owned._database.read() as connection:
        assert len(connection.execute(tables.kernels.select()).all()) == 2, "the owner's and the spender's"
    looked = open_database(Secret(address(shared_database, "mj_look")))
    assert overview(looked).services[0].waiting == {entry.person: 1}
    looked.close()


def test_who_may_look_leaves_to_others_what_a_kernel_left_behind(as_role):
    spender = as_role("mj_spend")
    entry = spender.ledger.add(REQUEST, service=SERVICE)
    spender.close()
    assert as_role("mj_look").take_over(lambda _service: True) == []
    assert as_role("mj_spend").take_over(lambda _service: True) == []
    assert as_role("mj_look").shelf.get(entry.id).state == JobState.REFUSED


def test_who_may_look_is_told_in_words_that_this_is_all(as_role):
    library = as_role("mj_look")
    before = library.shelf.search(Query())
    with pytest.raises(
        LibraryError,
        match=r"You may not do this in the library postgresql://mj_look@.*permission denied for table jobs.*nothing was sent"
        r".*Ask whoever looks after the account for the role to read or to spend",
    ):
        library.ledger.add(REQUEST, service=SERVICE)
    assert library.shelf.search(Query()) == before


def test_a_notebook_of_who_may_look_has_its_history_and_makes_nothing(as_role, owned, shared_database, tmp_path):
    entry = as_role("mj_spend").ledger.add(REQUEST, service=SERVICE, price=0.6)
    session = Session("key", SERVICE, library=tmp_path / "looks", database=address(shared_database, "mj_look"))
    try:
        assert session.jobs.pick_up() == []
        assert [found.id for found in session.library.shelf.search(Query())[0]] == [entry.id]
        with pytest.raises(LibraryError, match="You may not do this"):
            session.jobs.make(REQUEST)
    finally:
        session.close()
        session.library.close()

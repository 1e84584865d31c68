"""Work by any executor: the same bytes from threads, processes and a cluster, whose workers may die; and nothing secret told."""

from __future__ import annotations

import hashlib
import itertools
import logging
import multiprocessing
import os
import pickle
import secrets
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from mjvideo_nb import elsewhere, media
from mjvideo_nb.errors import BadClip, InvalidRequest, StorageError, WorkFailed
from mjvideo_nb.storage import Storage, copy_clip
from tests.patience import PATIENCE

from .media.clips import make, names_in
from .s3 import S3Process

COUNT = 12
NAME = "clips/1773314942177684/2.mp4"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return [make(folder / f"{number}.mp4", 8, seed=number) for number in range(COUNT)]


@pytest.fixture(scope="module")
def dask():
    """A client of two worker processes on this machine."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs="ERROR"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def s3():
    with S3Process.start() as server:
        server.ask("PUT", "/bucket")
        yield server


@pytest.fixture(params=["threads", "processes", pytest.param("dask", marks=pytest.mark.dask)])
def executor(request):
    """One of each kind."""
    if request.param == "dask":
        return request.getfixturevalue("dask").get_executor()
    if request.param == "processes":
        return request.getfixturevalue("processes")
    return ThreadPoolExecutor(2)


def orders(clips, folder, ending=".png"):
    return [(clip, folder / f"{clip.stem}{ending}") for clip in clips]


def many(make, orders, *, executor=None, tell=lambda _: None, **options):
    return media.many(make, orders, executor=executor, options=options, words="contact sheets", tell=tell)


def process_of(clip, path):
    """Which process it runs in, and what it sees of the file."""
    path.write_text(f"{os.getpid()} {clip.name} {hashlib.sha256(clip.read_bytes()).hexdigest()}")


def sheet_after_a_death(clip, path, *, first):
    """A contact sheet, whose worker dies at it the first time."""
    try:
        first.touch(exist_ok=False)
    except FileExistsError:
        return media.contact_sheet(clip, path, columns=2, rows=1, width=200)
    return os.kill(os.getpid(), signal.SIGKILL)


# The same bytes


@pytest.mark.parametrize(
    ("write", "ending"),
    [
        (lambda clips, path, **at: media.contact_sheet(clips[0], path, columns=2, rows=2, width=300, **at), ".png"),
        (lambda clips, path, **at: media.preview(clips[0], path, width=48, fps=8, **at), ".webp"),
        (lambda clips, path, **at: media.preview(clips[0], path, width=48, fps=8, **at), ".gif"),
        (lambda clips, path, **at: media.reel(clips[:3], path, **at), ".mp4"),
        (lambda clips, path, **at: media.reel(clips[:2], path, reencode=True, **at), ".mp4"),
    ],
    ids=["sheet", "webp", "gif", "copied reel", "encoded reel"],
)
def test_one_file_is_the_same_wherever_it_is_made(write, ending, executor, clips, tmp_path):
    here = write(clips, tmp_path / f"here{ending}")
    there = write(clips, tmp_path / "new" / f"there{ending}", executor=executor)
    assert there == tmp_path / "new" / f"there{ending}"
    assert there.read_bytes() == here.read_bytes()
    assert names_in(there.parent) == [there.name]


def test_many_files_are_the_same_wherever_they_are_made(executor, clips, tmp_path):
    here = [media.contact_sheet(clip, tmp_path / "here" / clip.name, columns=2, rows=1, width=200) for clip in clips]
    heard = []
    there = many(
        media.contact_sheet,
        orders(clips, tmp_path / "there"),
        executor=executor,
        tell=heard.append,
        columns=2,
        rows=1,
        width=200,
    )
    assert [path.name for path in there] == [f"{clip.stem}.png" for clip in clips]
    assert [path.read_bytes() for path in there] == [path.read_bytes() for path in here]
    assert (heard[0], heard[-1]) == (media.Tally(0, 0, COUNT), media.Tally(COUNT, 0, COUNT))
    assert all(a.done <= b.done for a, b in itertools.pairwise(heard))


def test_a_worker_needs_no_disk_of_ours(executor, clips, tmp_path):
    """What is given to a process is the file itself, under its name; threads are spared the copy."""
    [path] = many(process_of, orders(clips[:1], tmp_path), executor=executor)
    process, name, digest = path.read_text().split()
    assert (int(process) == os.getpid()) == isinstance(executor, ThreadPoolExecutor)
    assert (name, digest) == (clips[0].name, hashlib.sha256(clips[0].read_bytes()).hexdigest())


def test_two_files_of_one_name_do_not_get_into_each_others_way(executor, tmp_path):
    same = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        same.append(make(tmp_path / str(number) / "0.mp4", 4 + number, seed=number))
    here = media.reel(same, tmp_path / "here.mp4")
    assert media.reel(same, tmp_path / "there.mp4", executor=executor).read_bytes() == here.read_bytes()


def test_a_clip_beyond_what_dask_warns_of_is_sent_all_the_same(dask, tmp_path):
    """Warnings are errors here."""
    (tmp_path / "large.mp4").write_bytes(secrets.token_bytes(11_000_000))
    [path] = many(process_of, [(tmp_path / "large.mp4", tmp_path / "a.txt")], executor=dask.get_executor())
    assert path.read_text().split()[1] == "large.mp4"


def test_on_dasks_dashboard_work_goes_by_what_it_does(dask, clips, tmp_path):
    media.contact_sheet(clips[0], tmp_path / "a.png", executor=dask.get_executor())
    names = dask.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.task_prefixes))
    assert "contact_sheet" in names


# What goes wrong


def test_a_wrong_clip_is_told_as_it_would_be_here(executor, clips, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(clips[0].read_bytes()[:600])
    with pytest.raises(BadClip, match=r"broken\.mp4 is not a whole video"):
        media.contact_sheet(tmp_path / "broken.mp4", tmp_path / "a.png", executor=executor)
    assert names_in(tmp_path) == ["broken.mp4"]


def test_clips_that_fail_cost_no_other_its_file(executor, clips, tmp_path):
    broken, gone = tmp_path / "broken.mp4", tmp_path / "gone.mp4"
    broken.write_bytes(clips[0].read_bytes()[:600])
    with pytest.raises(WorkFailed) as caught:
        many(media.contact_sheet, orders([clips[0], broken, gone, clips[1]], tmp_path / "made"), executor=executor)
    error = caught.value
    assert error.made == tuple(tmp_path / "made" / name for name in ("0.png", "1.png"))
    assert names_in(tmp_path / "made") == ["0.png", "1.png"]
    assert {path: type(why) for path, why in error.failures.items()} == {broken: BadClip, gone: FileNotFoundError}
    for words in ("clips: 2 of 4 contact sheets", "broken.mp4 is not a whole video", "The other 2", "nothing is paid"):
        assert words in str(error)
    assert pickle.loads(pickle.dumps(error)).made == error.made


def test_a_wrong_option_is_said_once(executor, clips, tmp_path):
    with pytest.raises(InvalidRequest, match="columns: a whole number") as caught:
        many(media.contact_sheet, orders(clips, tmp_path / "made"), executor=executor, columns=0)
    assert caught.value.field == "columns"
    assert names_in(tmp_path / "made") == []


def test_a_killed_worker_costs_nothing_on_dask(dask, clips, tmp_path):
    before = dask.run(os.getpid)
    first = tmp_path / "first"
    made = many(sheet_after_a_death, orders(clips, tmp_path / "made"), executor=dask.get_executor(), first=first)
    assert first.exists()
    here = [media.contact_sheet(clip, tmp_path / "here" / clip.name, columns=2, rows=1, width=200) for clip in clips]
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in here]
    dask.wait_for_workers(2, timeout=PATIENCE)
    assert set(dask.run(os.getpid).values()) != set(before.values())


def test_a_killed_worker_breaks_a_process_pool_and_the_error_says_what_is_left(clips, tmp_path):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        made = many(media.contact_sheet, orders(clips[:1], tmp_path / "made"), executor=pool)
        with pytest.raises(WorkFailed, match="executor: it did not do the work") as caught:
            many(sheet_after_a_death, orders(clips, tmp_path / "made"), executor=pool, first=tmp_path / "first")
        assert "BrokenProcessPool" in str(caught.value)
        assert "nothing is paid" in str(caught.value)
        with pytest.raises(WorkFailed, match="executor: it did not do the work"):
            media.contact_sheet(clips[0], tmp_path / "a.png", executor=pool)
    assert made[0].exists()
    assert names_in(tmp_path / "made") == ["0.png"]


def test_an_executor_that_was_shut_down_is_named(executor, clips, tmp_path):
    gone = type(executor)(1) if not hasattr(executor, "_client") else executor._client.get_executor()
    gone.shutdown()
    with pytest.raises(WorkFailed, match=r"executor: it did not do the work .*after shutdown"):
        many(media.contact_sheet, orders(clips, tmp_path), executor=gone)


def test_an_interrupt_takes_back_what_was_not_begun_and_leaves_what_is_whole(clips, tmp_path):
    begun, go = [], threading.Event()

    def sheet(clip, path):
        begun.append(clip)
        assert len(begun) == 1 or go.wait(PATIENCE)
        return media.contact_sheet(clip, path, columns=2, rows=1, width=200)

    def interrupt(tally):
        if tally.done and not go.is_set():
            go.set()
            raise KeyboardInterrupt

    pool = ThreadPoolExecutor(1)
    with pytest.raises(KeyboardInterrupt):
        many(sheet, orders(clips, tmp_path), executor=pool, tell=interrupt)
    pool.shutdown(wait=True)
    assert len(begun) <= 2
    assert names_in(tmp_path) == sorted(f"{clip.stem}.png" for clip in begun)


@pytest.mark.parametrize("wrong", ["threads", 4, ThreadPoolExecutor])
def test_what_is_no_executor_is_refused(wrong, clips, tmp_path):
    for call in (
        lambda: media.contact_sheet(clips[0], tmp_path / "a.png", executor=wrong),
        lambda: many(media.preview, orders(clips, tmp_path), executor=wrong),
    ):
        with pytest.raises(InvalidRequest, match=r"executor: .*concurrent\.futures") as caught:
            call()
        assert caught.value.field == "executor"


def test_a_dask_client_is_told_from_its_executor(dask):
    with pytest.raises(InvalidRequest, match=r"client\.get_executor\(\) of it"):
        elsewhere.check(dask)


def test_no_more_is_on_its_way_than_fits_into_memory(processes, clips, tmp_path, monkeypatch):
    monkeypatch.setitem(media.many.__globals__, "AHEAD", 1)
    begun, ended, at_once = [], [0], []

    def counted(*given, **options):
        work = begin(*given, **options)
        begun.append(work.size)
        at_once.append(len(begun) - ended[0])
        return work

    begin = elsewhere.begin
    monkeypatch.setattr(elsewhere, "begin", counted)
    many(
        process_of,
        orders(clips[:4], tmp_path),
        executor=processes,
        tell=lambda tally: ended.__setitem__(0, tally.done),
    )
    assert begun == [clip.stat().st_size for clip in clips[:4]]
    assert at_once == [1, 1, 1, 1]


# Copies, and what is secret in them


@pytest.fixture
def stored(s3):
    return Storage("s3://bucket/prefix", options=s3.options())


def copied(executor, storage, path, name=NAME):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return elsewhere.begin(executor, copy_clip, path, storage=storage, name=name, digest=digest).result()


def test_a_copy_is_made_and_checked_by_any_executor(executor, s3, stored, clips):
    name = f"{secrets.token_hex(4)}/2.mp4"
    s3.misbehave()
    assert copied(executor, stored, clips[0], name) == f"s3://bucket/prefix/{name}"
    assert s3.objects("bucket")[f"prefix/{name}"] == clips[0].read_bytes()
    s3.misbehave(spoil="2.mp4")
    with pytest.raises(StorageError, match="could not be copied"):
        copied(executor, stored, clips[0], f"other-{name}")
    assert copied(executor, stored, clips[0], f"other-{name}"), "the same work again is done again"
    s3.misbehave()


def test_a_clip_that_was_changed_is_not_copied(executor, stored, clips):
    with pytest.raises(StorageError, match="not what was downloaded any more"):
        elsewhere.begin(executor, copy_clip, clips[0], storage=stored, name=NAME, digest="0" * 64).result()


def test_a_storage_goes_to_another_process_with_all_that_it_needs(stored, clips, s3):
    s3.misbehave()
    copied(ThreadPoolExecutor(1), stored, clips[1])  # connected
    there = pickle.loads(pickle.dumps(stored))
    assert there.url == stored.url
    assert there.has(NAME, size=clips[1].stat().st_size)


def test_a_package_that_a_worker_lacks_is_said_when_it_is_needed(stored, clips):
    """Not while it is unpickled: that would break a pool for good."""
    digest = hashlib.sha256(clips[0].read_bytes()).hexdigest()
    code = (
        "import sys, pickle; sys.modules['s3fs'] = None\n"
        "from pathlib import Path\n"
        "storage = pickle.load(sys.stdin.buffer)\n"
        f"try: storage.put(Path({str(clips[0])!r}), 'a.mp4', digest={digest!r})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, input=pickle.dumps(stored), capture_output=True, check=True).stdout.decode()
    assert said.startswith("InvalidRequest library: ")
    assert "pip install s3fs" in said


def test_no_secret_is_told_of_work_that_fails(dask, s3, stored, clips, caplog):
    caplog.set_level(logging.DEBUG)
    secret = s3.options()["secret"]
    s3.misbehave(refuse_every=1)
    with pytest.raises(StorageError) as caught:
        copied(dask.get_executor(), stored, clips[0], f"{secrets.token_hex(4)}.mp4")
    s3.misbehave()
    errand = elsewhere.Errand(copy_clip, result="", many=False, options={"storage": stored})
    parcel = elsewhere.Parcel("2.mp4", b"bytes of a clip")
    logs = [line for worker in dask.get_worker_logs().values() for _, line in worker]
    assert any("copy_clip" in line for line in logs)  # Dask tells of it, in words of ours
    told = [*logs, *(line for _, line in dask.get_scheduler_logs()), caplog.text, str(caught.value)]
    told += [repr(stored), repr(pickle.loads(pickle.dumps(stored))), repr(errand), str(errand), repr(parcel)]
    assert secret not in "\n".join(told)
    assert "bytes of a clip" not in repr(parcel)

"""Copies of clips: what counts as kept, what a storage that refuses or lies leaves behind, and what is said of it."""

from __future__ import annotations

import hashlib
import logging
import secrets
import subprocess
import sys
import threading
import traceback
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from mjvideo_nb import address
from mjvideo_nb.errors import InvalidRequest, StorageError
from mjvideo_nb.storage import Storage, is_url
from tests.patience import PATIENCE

from .loopback import unused_url
from .s3 import S3Process

NAME = "clips/1773314942177684/2.mp4"
ONCE = {"retries": {"total_max_attempts": 1}, "connect_timeout": 2}
SAFE = ["safe in the local folder", "nothing is paid again", "tried again by itself when the library is next opened"]


class Clip:
    """A file of random bytes: to a storage, a clip is no more than that."""

    def __init__(self, folder, name="2.mp4", size=300_000):
        self.data = secrets.token_bytes(size)
        self.path = folder / name
        self.path.write_bytes(self.data)
        self.digest = hashlib.sha256(self.data).hexdigest()
        self.size = size


@pytest.fixture
def clip(tmp_path):
    return Clip(tmp_path)


@pytest.fixture(params=["memory", "file", pytest.param("s3", marks=pytest.mark.s3)])
def anywhere(request, tmp_path):
    """A storage of each kind: renamed into place in memory and on disk, an object in a bucket."""
    if request.param == "s3":
        s3, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
        return Storage(f"s3://{bucket}/prefix", options=s3.options())
    return Storage(f"memory://{secrets.token_hex(4)}/a" if request.param == "memory" else f"file://{tmp_path}/far/away")


@pytest.fixture(scope="module")
def s3():
    with S3Process.start() as process:
        yield process


@pytest.fixture
def bucket(s3):
    name = f"bucket-{secrets.token_hex(4)}"
    s3.ask("PUT", f"/{name}")
    s3.misbehave()
    yield name
    s3.misbehave()


@pytest.fixture
def broken(monkeypatch):
    """``broken(cls, "method", error)``: a file system's method raises this from now on."""

    def break_it(cls, method, error):
        def fail(*_, **__):
            raise error

        monkeypatch.setattr(cls, method, fail)

    return break_it


def everything_under(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# What is a URL


@pytest.mark.parametrize(
    "text",
    [
        "s3://b/p",
        "gs://b",
        "memory://",
        "memory://x",
        "file:///mnt/clips",
        "S3://b",
        "abfs://c@a/p",
        "simplecache::s3://b",
    ],
)
def test_a_url_is_told_from_a_path(text):
    assert is_url(text)


@pytest.mark.parametrize(
    "text",
    ["", "mjvideo", "./clips", "/mnt/clips", "C:\\clips", "C:/clips", "c://clips", "~/s3://x", "s3:/b/p", "a b://c"],
)
def test_a_path_is_no_url(text):
    assert not is_url(text)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mjvideo", ["no URL of a storage", "s3://bucket/prefix"]),
        ("s3://", ["names no bucket", "s3://bucket/prefix"]),
        ("https://bucket.example/prefix", ["a web page's address", "s3://bucket"]),
        ("simplecache::s3://bucket", ["chain", "alone"]),
        ("sftp://host/folder?password=hunter2", ["query", "storage option"]),
        ("s3://key:hunter2@bucket/prefix", ["credentials", "environment"]),
        ("s4://bucket/prefix", ["s4:// is no storage", "pip install", "s3://"]),
    ],
)
def test_a_url_that_names_no_storage_is_refused_with_the_remedy(url, words):
    with pytest.raises(InvalidRequest) as refused:
        Storage(url)
    assert refused.value.field == "library"
    assert all(word in str(refused.value) for word in ["library:", *words])
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("missing", "url", "command"),
    [
        ("fsspec", "s3://bucket", 'pip install "mjvideo-nb[cloud]"'),
        ("s3fs", "s3://bucket", "pip install s3fs"),
        ("gcsfs", "gs://bucket", "pip install gcsfs"),
        ("paramiko", "sftp://host/x", "pip install paramiko"),
        ("smbclient", "smb://host/x", "pip install smbprotocol"),
    ],
)
def test_a_missing_package_is_named_with_its_command(missing, url, command):
    """In an interpreter of its own: what is imported once is there for good."""
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from mjvideo_nb.errors import InvalidRequest\n"
        "from mjvideo_nb.storage import Storage\n"
        f"try: Storage({url!r})\n"
        "except InvalidRequest as error: print(error.field, error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("library library: ")
    assert command in said


def test_without_a_storage_fsspec_is_not_loaded():
    code = "import sys, mjvideo_nb.storage; print('fsspec' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"


def test_a_storage_out_of_reach_is_met_at_the_first_copy_and_not_before(clip):
    at = {"endpoint_url": unused_url(), "region_name": "us-east-1"}
    storage = Storage("s3://bucket", options={"key": "k", "secret": "s", "client_kwargs": at, "config_kwargs": ONCE})
    with pytest.raises(StorageError, match="Could not connect to the endpoint"):
        storage.put(clip.path, NAME, digest=clip.digest)


# What counts as a copy


def test_a_copy_is_there_and_comes_back_the_same(anywhere, clip, tmp_path):
    url = anywhere.put(clip.path, NAME, digest=clip.digest)
    assert url == f"{anywhere.url}/{NAME}"
    assert anywhere.has(NAME, size=clip.size)
    assert anywhere.has(NAME, size=clip.size, digest=clip.digest)
    target = tmp_path / "back" / "2.mp4"
    anywhere.get(NAME, target, digest=clip.digest)
    assert target.read_bytes() == clip.data
    assert everything_under(target.parent) == ["2.mp4"]


def test_a_storage_knows_its_own_copies_by_their_url(anywhere, clip):
    assert anywhere.name_of(anywhere.put(clip.path, NAME, digest=clip.digest)) == NAME
    assert anywhere.name_of("s3://another-bucket/prefix/clips/1/0.mp4") == ""
    assert anywhere.name_of(f"{anywhere.url}-of-others/{NAME}") == ""


def test_what_is_not_there_or_differs_is_not_had(anywhere, clip):
    assert not anywhere.has(NAME, size=clip.size)
    anywhere.put(clip.path, NAME, digest=clip.digest)
    assert not anywhere.has(NAME, size=clip.size + 1)
    assert not anywhere.has(NAME, size=clip.size, digest="0" * 64)
    assert not anywhere.has("clips", size=0), "a folder is no copy"


def test_another_clip_under_the_name_is_replaced(anywhere, clip, tmp_path):
    longer = Clip(tmp_path, "other.mp4", clip.size + 7)
    damaged = Clip(tmp_path, "damaged.mp4", clip.size)
    for other in (longer, damaged):
        anywhere.put(other.path, NAME, digest=other.digest)
        anywhere.put(clip.path, NAME, digest=clip.digest)
        assert anywhere.has(NAME, size=clip.size, digest=clip.digest)


def test_what_came_or_went_by_another_hand_is_seen_at_once(anywhere, clip):
    """No listing that was remembered answers for the storage."""
    another = Storage(anywhere.url, options=anywhere._options)
    assert not another.has(NAME, size=clip.size)
    anywhere.put(clip.path, NAME, digest=clip.digest)
    assert another.has(NAME, size=clip.size)
    with anywhere._connected() as at:
        at.fs.ls(f"{at.root}/clips/1773314942177684")
    with another._connected() as at:
        at.fs.rm(f"{at.root}/{NAME}")
    assert not anywhere.has(NAME, size=clip.size)


def test_a_copy_that_is_there_is_not_sent_again(s3, bucket, clip):
    storage = Storage(f"s3://{bucket}", options=s3.options())
    storage.put(clip.path, NAME, digest=clip.digest)
    assert s3.count()["writes"] == 1
    storage.put(clip.path, NAME, digest=clip.digest)
    assert s3.count()["writes"] == 1


def test_looking_for_a_copy_by_size_reads_nothing_of_it(s3, bucket, clip):
    storage = Storage(f"s3://{bucket}", options=s3.options())
    storage.put(clip.path, NAME, digest=clip.digest)
    s3.misbehave()
    assert storage.has(NAME, size=clip.size)
    assert s3.count() == {"looks": 1}


@pytest.mark.parametrize("harm", ["missing", "changed", "cut"])
def test_a_clip_that_is_damaged_on_disk_is_not_sent_and_not_called_safe(harm, anywhere, clip):
    if harm == "missing":
        clip.path.unlink()
    else:
        clip.path.write_bytes(b"x" * clip.size if harm == "changed" else clip.data[:1000])
    with pytest.raises(StorageError) as failed:
        anywhere.put(clip.path, NAME, digest=clip.digest)
    assert "the clip on disk" in str(failed.value)
    assert "is safe" not in str(failed.value)
    assert not anywhere.has(NAME, size=clip.path.stat().st_size if clip.path.exists() else clip.size)


@pytest.mark.parametrize(
    "name", ["", "/clips/2.mp4", "../2.mp4", "clips/../../2.mp4", "clips//2.mp4", "a\\b.mp4", "clips/"]
)
def test_a_name_cannot_lead_out_of_the_storage(name, clip, tmp_path):
    storage = Storage(f"file://{tmp_path}/far")
    for use in (
        lambda: storage.put(clip.path, name, digest=clip.digest),
        lambda: storage.get(name, tmp_path / "x.mp4"),
        lambda: storage.has(name, size=1),
    ):
        with pytest.raises(InvalidRequest, match="no name of a copy"):
            use()
    assert everything_under(tmp_path) == ["2.mp4"]


# A storage that refuses, lies or breaks off


def test_with_every_third_write_refused_all_clips_end_up_stored_and_whole(s3, bucket, tmp_path):
    clips = {f"clips/{n}/0.mp4": Clip(tmp_path, f"{n}.mp4", 20_000 + n) for n in range(30)}
    storage = Storage(f"s3://{bucket}/prefix", options=s3.options(tries=1))
    s3.misbehave(refuse_every=3)
    kept, refusals = set(), []

    def keep(name):
        try:
            storage.put(clips[name].path, name, digest=clips[name].digest)
        except StorageError as error:
            refusals.append(str(error))
        else:
            kept.add(name)

    rounds = 0
    with ThreadPoolExecutor(4) as threads:
        while len(kept) < len(clips):
            list(threads.map(keep, set(clips) - kept))
            rounds += 1
            stored = s3.objects(bucket)
            assert {name for name in clips if f"prefix/{name}" in stored} == kept
            assert all(stored[f"prefix/{name}"] == clips[name].data for name in kept)
    count = s3.count()
    assert count["refused"] == len(refusals) == count["writes"] - 30 >= 10
    assert rounds > 1
    assert all("Please try again" in said and all(word in said for word in SAFE) for said in refusals)


def test_with_botocores_own_retries_the_refusals_are_absorbed(s3, bucket, clip):
    storage = Storage(f"s3://{bucket}/prefix", options=s3.options(tries=3))
    s3.misbehave(refuse_every=3)
    for n in range(6):
        storage.put(clip.path, f"clips/{n}/0.mp4", digest=clip.digest)
    assert s3.count()["refused"] == 2
    assert set(s3.objects(bucket).values()) == {clip.data}


@pytest.mark.parametrize(
    ("size", "found_by", "left"),
    [
        (300_000, "FlexibleChecksumError", 1),  # botocore, which checks what it reads in one piece
        (9_000_000, "what the storage gave back differs from what was sent", 0),
    ],
)
def test_other_bytes_than_were_sent_are_found_and_never_count(size, found_by, left, s3, bucket, tmp_path):
    clip = Clip(tmp_path, size=size)
    storage = Storage(f"s3://{bucket}", options=s3.options())
    s3.misbehave(spoil="2.mp4")
    with pytest.raises(StorageError, match=found_by):
        storage.put(clip.path, NAME, digest=clip.digest)
    assert len(s3.objects(bucket)) == left
    storage.put(clip.path, NAME, digest=clip.digest)
    assert s3.objects(bucket) == {NAME: clip.data}


def test_a_spoilt_copy_is_replaced_when_it_is_found_later(s3, bucket, clip):
    """As after a kernel that was killed between writing and checking."""
    storage = Storage(f"s3://{bucket}", options=s3.options())
    with storage._connected() as at:
        at.fs.pipe_file(f"{at.root}/{NAME}", bytes(clip.size))
    assert storage.has(NAME, size=clip.size)
    storage.put(clip.path, NAME, digest=clip.digest)
    assert s3.objects(bucket) == {NAME: clip.data}


@pytest.fixture
def store_in_memory(monkeypatch):
    """It takes a copy as a bucket does, under its name at once; for what needs no server."""
    monkeypatch.setattr("mjvideo_nb.storage.OBJECT_STORES", {"memory"})
    return Storage(f"memory://{secrets.token_hex(4)}")


def spoilt(data):
    """As many bytes, one of them another."""
    return data[:-1] + bytes([data[-1] ^ 1])


def test_a_byte_that_is_spoilt_on_its_way_into_a_store_is_found(store_in_memory, clip, monkeypatch):
    whole = MemoryFileSystem.put_file
    monkeypatch.setattr(MemoryFileSystem, "put_file", lambda fs, _, path: fs.pipe_file(path, spoilt(clip.data)))
    with pytest.raises(StorageError, match="differs from what was sent; it was removed there"):
        store_in_memory.put(clip.path, NAME, digest=clip.digest)
    assert not store_in_memory.has(NAME, size=clip.size)
    monkeypatch.setattr(MemoryFileSystem, "put_file", whole)
    store_in_memory.put(clip.path, NAME, digest=clip.digest)
    assert store_in_memory.has(NAME, size=clip.size, digest=clip.digest)


def test_a_copy_in_a_store_with_a_spoilt_byte_is_replaced(store_in_memory, clip):
    with store_in_memory._connected() as at:
        at.fs.pipe_file(f"{at.root}/{NAME}", spoilt(clip.data))
    store_in_memory.put(clip.path, NAME, digest=clip.digest)
    assert store_in_memory.has(NAME, size=clip.size, digest=clip.digest)


def test_a_key_that_may_not_list_can_still_keep_copies(s3, bucket, clip):
    """Such a key is told "forbidden" of whatever is not there."""
    storage = Storage(f"s3://{bucket}", options=s3.options())
    s3.misbehave(forbid_listing=True)
    with pytest.raises(StorageError, match="could not be looked up"):
        storage.has(NAME, size=clip.size)
    storage.put(clip.path, NAME, digest=clip.digest)
    assert storage.has(NAME, size=clip.size, digest=clip.digest)


def test_a_bucket_that_is_not_there_is_named(s3, bucket, clip):
    with pytest.raises(StorageError, match="bucket does not exist"):
        Storage("s3://nobody-has-this", options=s3.options()).put(clip.path, NAME, digest=clip.digest)


def test_a_copy_that_breaks_off_leaves_nothing_under_its_name(clip, tmp_path, monkeypatch):
    storage = Storage(f"file://{tmp_path}/far")
    whole = LocalFileSystem.put_file

    def half(self, source, path, **_):
        self.makedirs(self._parent(path), exist_ok=True)
        self.pipe_file(path, clip.data[: clip.size // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalFileSystem, "put_file", half)
    with pytest.raises(StorageError, match="No space left on device") as failed:
        storage.put(clip.path, NAME, digest=clip.digest)
    assert all(word in str(failed.value) for word in SAFE)
    (left,) = everything_under(tmp_path / "far")
    assert left.endswith(".part")
    monkeypatch.setattr(LocalFileSystem, "put_file", whole)
    storage.put(clip.path, NAME, digest=clip.digest)
    assert everything_under(tmp_path / "far") == [NAME], "what was left is cleared away"


def test_what_is_left_of_another_clip_stays(clip, tmp_path):
    other = tmp_path / "far" / "clips" / "1773314942177684" / "12.mp4.0a1b.part"
    other.parent.mkdir(parents=True)
    other.touch()
    Storage(f"file://{tmp_path}/far").put(clip.path, NAME, digest=clip.digest)
    assert other.exists()


def test_a_disk_that_stores_other_bytes_is_found_out_before_the_copy_has_its_name(clip, tmp_path, monkeypatch):
    def other_bytes(self, source, path, **_):
        self.makedirs(self._parent(path), exist_ok=True)
        self.pipe_file(path, bytes(clip.size))

    monkeypatch.setattr(LocalFileSystem, "put_file", other_bytes)
    storage = Storage(f"file://{tmp_path}/far")
    with pytest.raises(StorageError, match="differs from what was sent"):
        storage.put(clip.path, NAME, digest=clip.digest)
    assert not storage.has(NAME, size=clip.size)


def test_a_copy_that_is_lost_in_renaming_does_not_count(clip, monkeypatch):
    monkeypatch.setattr(MemoryFileSystem, "mv", lambda self, part, _: self.rm_file(part))
    with pytest.raises(StorageError, match="lost the copy"):
        Storage(f"memory://{secrets.token_hex(4)}").put(clip.path, NAME, digest=clip.digest)


def test_a_damaged_copy_does_not_come_back(anywhere, clip, tmp_path):
    target = tmp_path / "back.mp4"
    target.write_bytes(b"as it was")
    anywhere.put(clip.path, NAME, digest=clip.digest)
    with pytest.raises(StorageError, match="damaged or cut short"):
        anywhere.get(NAME, target, digest="0" * 64)
    with pytest.raises(StorageError, match="no such copy"):
        anywhere.get("clips/1/0.mp4", target)
    assert target.read_bytes() == b"as it was"
    assert not list(tmp_path.glob("back*.part"))


def test_whatever_a_backend_raises_is_told_as_ours(clip, broken):
    storage = Storage("memory://x")
    for error in (RuntimeError("odd\n  words."), KeyError("size"), TimeoutError(), NotImplementedError()):
        broken(MemoryFileSystem, "put_file", error)
        with pytest.raises(StorageError) as failed:
            storage.put(clip.path, NAME, digest=clip.digest)
        assert type(error).__name__ in str(failed.value)
        assert f"{NAME} could not be copied to memory://x: " in str(failed.value)
        assert all(word in str(failed.value) for word in SAFE)
    broken(MemoryFileSystem, "put_file", RuntimeError("word " * 10_000))
    with pytest.raises(StorageError) as failed:
        storage.put(clip.path, NAME, digest=clip.digest)
    assert len(str(failed.value)) < 800


# Secrets


LOGIN = "someuser:hunter2%2Fhunter3"
OPTIONS = {
    "secret": "wJalr/XUtnFEMI+of-a-secret",
    "client_kwargs": {"aws_session_token": "FwoGZXIvYXdzEBYaD", "endpoint_url": "http://127.0.0.1:1"},
    "headers": [("X", b"bytes-of-a-secret")],
}
NEVER_SHOWN = ["someuser", "hunter2", "hunter3", "wJalr", "FwoGZ", "bytes-of", "XUtnFEMI", "sig-of-a-url"]


def test_no_secret_is_in_an_error_or_its_traceback(clip, broken):
    words = f"""ftp://{LOGIN}@host failed for {OPTIONS} and hunter2/hunter3
        http://me:hunter2@127.0.0.1:1/x?X-Amz-Signature=sig-of-a-url at wJalr%2FXUtnFEMI%2Bof-a-secret"""
    storage = Storage(f"memory://{LOGIN}@host/folder", options=OPTIONS)
    assert storage.url == "memory://host/folder"
    broken(MemoryFileSystem, "put_file", OSError(words))
    with pytest.raises(StorageError) as failed:
        storage.put(clip.path, NAME, digest=clip.digest)
    error = failed.value
    ours = traceback.walk_tb(error.__traceback__.tb_next)  # without the frame of this test, which has them all
    shown = "".join(traceback.StackSummary.extract(ours, capture_locals=True).format())
    assert "could not be copied" in shown
    assert "endpoint_url" in str(error)
    for text in (str(error), repr(error), repr(storage), shown, repr(storage._address)):
        assert [secret for secret in NEVER_SHOWN if secret in text] == []
    assert error.__cause__ is None
    assert error.__context__ is None


def test_no_secret_is_logged(s3, bucket, clip, caplog):
    """At DEBUG botocore writes down the headers, and a session token is one."""
    caplog.set_level(logging.DEBUG)
    options = s3.options() | {"token": "FwoGZXIvYXdzEBYaDtoken"}
    Storage(f"s3://{bucket}", options=options).put(clip.path, NAME, digest=clip.digest)
    assert "botocore" in caplog.text
    assert options["secret"] not in caplog.text
    assert options["token"] not in caplog.text


def test_the_container_of_an_account_is_no_user_name():
    assert address._login("abfs", "clips@account.dfs.core.windows.net/x") == ""
    assert address._login("abfs", "me:hunter2@account/x") == "me:hunter2"


# Threads, processes, memory


def test_many_threads_may_copy_the_same_and_other_clips(anywhere, clip, tmp_path):
    clips = [Clip(tmp_path, f"other-{n}.mp4", 10_000) for n in range(8)]
    start = threading.Barrier(8)

    def keep(n):
        start.wait(PATIENCE)
        anywhere.put(clip.path, NAME, digest=clip.digest)
        anywhere.put(clips[n].path, f"clips/{n}/0.mp4", digest=clips[n].digest)
        return anywhere.has(NAME, size=clip.size, digest=clip.digest)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(keep, range(8)))
    assert all(anywhere.has(f"clips/{n}/0.mp4", size=10_000, digest=each.digest) for n, each in enumerate(clips))


def test_a_file_system_with_one_connection_serves_one_thread_at_a_time(tmp_path, monkeypatch):
    """An FTP connection, say, would mix up the answers."""
    clips = [Clip(tmp_path, f"other-{n}.mp4", 10_000) for n in range(2)]
    storage = Storage(f"memory://{secrets.token_hex(4)}")
    whole, together = MemoryFileSystem.put_file, threading.Barrier(2)
    met = []

    def watched(self, *args, **options):
        with suppress(threading.BrokenBarrierError):
            met.append(together.wait(0.5))  # for the other, who must not come
        return whole(self, *args, **options)

    monkeypatch.setattr(MemoryFileSystem, "put_file", watched)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda n: storage.put(clips[n].path, f"clips/{n}/0.mp4", digest=clips[n].digest), range(2)))
    assert met == []


def test_two_storages_at_once_keep_one_whole_copy(clip, tmp_path):
    """As two kernels with one library do: one of them may have to try again, and nothing is ever half."""
    storages = [Storage(f"file://{tmp_path}/far") for _ in range(8)]

    def keep(storage):
        for _ in range(8):
            try:
                storage.put(clip.path, NAME, digest=clip.digest)
            except StorageError:
                continue
            return storage.has(NAME, size=clip.size, digest=clip.digest)
        return False

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(keep, storages))
    assert everything_under(tmp_path / "far") == [NAME]


def test_a_storage_still_works_in_a_forked_process_and_in_its_parent(s3, bucket, clip):
    code = f"""
import os
from pathlib import Path
from mjvideo_nb.storage import Storage
storage = Storage("s3://{bucket}", options={s3.options()!r})
put = lambda name: storage.put(Path({str(clip.path)!r}), name, digest={clip.digest!r})
put("clips/1/0.mp4")
child = os.fork()
if child == 0:
    put("clips/2/0.mp4")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
put("clips/3/0.mp4")
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=PATIENCE)
    assert sorted(s3.objects(bucket)) == ["clips/1/0.mp4", "clips/2/0.mp4", "clips/3/0.mp4"]


def test_a_large_clip_is_checked_in_little_memory(tmp_path):
    clip = Clip(tmp_path, size=60_000_000)
    clip.data = b""
    storage = Storage(f"file://{tmp_path}/far")
    storage.has(NAME, size=1)
    tracemalloc.start()
    try:
        storage.put(clip.path, NAME, digest=clip.digest)
        storage.get(NAME, tmp_path / "back.mp4", digest=clip.digest)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000

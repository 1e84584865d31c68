"""A file under its final name is a whole clip; whatever goes wrong on the way loses no other one."""

import asyncio
import gzip
import hashlib
import resource
import struct
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mjvideo_nb import BadClip, Client, Clip, ClipExpired, InvalidRequest, ServiceError, Task
from mjvideo_nb.container import is_whole_mp4
from mjvideo_nb.download import LOCAL, Downloads, clip_path
from mjvideo_nb.part import PIECE
from tests.clock import counting_waiting_only
from tests.loopback import DROP, HANG, Server, answer

KEY = "sk-0123456789"


@pytest.fixture(autouse=True)
async def _clock():
    with counting_waiting_only(asyncio.get_running_loop()):
        yield


def box(kind, content=b""):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mp4(fill=b"pictures"):
    return box(b"ftyp", b"isomiso2") + box(b"moov", b"index") + box(b"mdat", fill * 1000)


class Storage(Server):
    """A service with four clips: what each path answers can be changed; ``/fetch`` gives the links."""

    def __init__(self, clips=4):
        super().__init__(self.respond)
        self.links = {i: f"clip/{i}.mp4" for i in range(clips)}
        self.said = {f"/clip/{i}.mp4": answer(200, mp4(b"clip %d" % i)) for i in range(clips)}

    def respond(self, asked):
        if asked.path.endswith("/fetch") and self.links is None:
            return DROP
        if asked.path.endswith("/fetch"):
            return answer(200, {"id": "17", "status": "SUCCESS", "videoUrls": list(self.links.values())})
        said = self.said[asked.path]
        said = said.pop(0) if isinstance(said, list) else said
        return said(asked) if callable(said) else said

    def asked_for(self, part):
        return sum(part in asked.path for asked in self.asked)


@pytest.fixture
async def storage():
    async with Storage() as server:
        yield server


@pytest.fixture
async def client(storage):
    async with Client(KEY, storage.url) as client:
        yield client


@pytest.fixture
async def task(client, storage):
    found = await client.fetch("17")
    storage.asked.clear()
    return found


@pytest.fixture
def bring(client, task, tmp_path):
    """Download the task's clips to `tmp_path`."""
    return lambda: client.download(task, tmp_path)


def on_terms(client, **terms):
    client.downloads = Downloads(client._transport, replace(LOCAL, **terms))


def only(storage, *said, task_id="17"):
    """A task of one clip, and what its link answers from one request to the next."""
    storage.said["/clip/0.mp4"] = list(said)
    storage.links = {0: "clip/0.mp4"}
    return Task(id=task_id, clips=(Clip(task_id, 0, url=f"{storage.url}/clip/0.mp4"),))


def cut(content, at, **headers):
    """An answer that breaks off."""
    return answer(200, content[:at], content_length=str(len(content)), **headers)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


WHOLE = [f"17/{i}.mp4" for i in range(4)]


async def test_clips_arrive_whole_under_names_of_ours(client, task, tmp_path):
    """Their links were relative: the client made them absolute."""
    for folder in (tmp_path / "a" / "b", str(tmp_path / "c")):
        paths = await client.download(task, folder)
        assert [path.name for path in paths] == ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]
        assert [path.read_bytes() for path in paths] == [mp4(b"clip %d" % i) for i in range(4)]
    assert names(tmp_path / "c") == WHOLE


async def test_a_clip_that_is_there_is_not_fetched_again(client, task, storage, tmp_path):
    kept = clip_path(tmp_path, "17", 2)
    kept.parent.mkdir()
    kept.write_bytes(b"as the user cut it")
    assert (await client.download(task, tmp_path))[2] == kept
    assert kept.read_bytes() == b"as the user cut it"
    assert storage.asked_for("2.mp4") == 0
    assert storage.asked_for(".mp4") == 3


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_expired_links_are_renewed_by_one_look(status, client, task, storage, tmp_path):
    for i in range(4):
        storage.said[f"/clip/{i}.mp4"] = answer(status)
        storage.links[i] = f"fresh/{i}.mp4"
        storage.said[f"/fresh/{i}.mp4"] = answer(200, mp4(b"fresh %d" % i))
    paths = await client.download(task, tmp_path)
    assert [path.read_bytes() for path in paths] == [mp4(b"fresh %d" % i) for i in range(4)]
    assert storage.asked_for("/fetch") == 1


@pytest.mark.parametrize("look", ["the same links", "no links", "trouble"])
async def test_a_clip_that_stays_expired_is_told_and_the_others_land(look, client, task, storage, tmp_path):
    storage.said["/clip/1.mp4"] = answer(404)
    if look == "no links":
        storage.links.clear()
    if look == "trouble":
        storage.links = None
    with pytest.raises(ClipExpired, match=r"clip \[1\] of task 17.*HTTP 404.*ask the provider") as caught:
        await client.download(task, tmp_path)
    assert (caught.value.status, caught.value.task_id) == (404, "17")
    assert names(tmp_path) == ["17/0.mp4", "17/2.mp4", "17/3.mp4"]
    assert storage.asked_for("/fetch") == 1 or look == "trouble"  # which a look goes on through


HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(200, mp4()[:900], content_length="9000"), "900 of 9000 bytes came"),
        (answer(200, mp4()[:900]), "cut short"),
        (answer(200, mp4()[:-1]), "cut short"),
        (answer(200, mp4()[:20]), "cut short"),
        (answer(200, b""), "it is empty"),
        (answer(200, HTML, content_type="text/html"), "not a video but a web page"),
        (answer(200, b"\xef\xbb\xbf\n <?xml version='1.0'?><Error/>"), "not a video but XML"),
        (answer(200, b'{"error": "expired"}'), "not a video but JSON"),
        (answer(200, b"sorry, no video"), "not a video but something else"),
        (answer(200, box(b"ftyp") + box(b"mdat", b"x")), "no index"),
        (answer(200, box(b"ftyp") + box(b"moov", b"x")), "no pictures"),
        (answer(200, mp4() + b"junk"), "cut short"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"%x\r\n" % len(mp4()) + mp4() + b"\r\n",
            "the connection broke after",
        ),
    ],
)
async def test_what_is_no_whole_video_never_gets_a_final_name(said, words, bring, storage, tmp_path):
    storage.said["/clip/3.mp4"] = said
    with pytest.raises(BadClip) as caught:
        await bring()
    assert words in str(caught.value)
    assert "clip [3] of task 17" in str(caught.value)
    assert "price are not affected: download it again" in str(caught.value)
    assert names(tmp_path) == WHOLE[:3]


async def test_a_clip_that_came_broken_once_is_brought_again(client, task, storage, tmp_path):
    storage.said["/clip/0.mp4"] = [answer(200, mp4()[:900], content_length="9000"), answer(200, mp4())]
    await client.download(task, tmp_path)
    assert names(tmp_path) == WHOLE


@pytest.mark.parametrize(
    ("said", "words"), [(DROP, "connection failed"), (answer(500), "HTTP 500"), (answer(206, mp4()), "206")]
)
async def test_trouble_with_one_clip_loses_no_other(said, words, bring, storage, tmp_path):
    storage.said["/clip/0.mp4"] = said
    with pytest.raises(ServiceError, match=words):
        await bring()
    assert names(tmp_path) == WHOLE[1:]
    storage.said["/clip/0.mp4"] = answer(200, mp4())
    storage.asked.clear()
    assert len(await bring()) == 4
    assert storage.asked_for(".mp4") == 1


async def test_a_compressed_answer_is_not_taken_for_a_short_one(client, task, storage, tmp_path):
    storage.said["/clip/0.mp4"] = answer(200, gzip.compress(mp4()), content_encoding="gzip")
    paths = await client.download(task, tmp_path)
    assert paths[0].read_bytes() == mp4()


# Going on after a cut

LONG = mp4(b"a long clip " * 450)
assert len(LONG) > 3 * PIECE
ETAG, MODIFIED = '"v1"', "Tue, 02 Sep 2025 10:00:00 GMT"


def rest(content, *, start=None, total=None, **headers):
    """Answers a request for a range with the rest of `content`."""

    def respond(asked):
        asked_from = int(asked.headers["range"].removeprefix("bytes=").removesuffix("-"))
        at = asked_from if start is None else start
        said = f"bytes {at}-{len(content) - 1}/{total or len(content)}"
        return answer(206, content[asked_from:], content_range=said, **headers)

    return respond


@pytest.mark.parametrize(
    ("validators", "if_range"),
    [
        ({"etag": ETAG}, ETAG),
        ({"last_modified": MODIFIED}, MODIFIED),
        ({"etag": ETAG, "last_modified": MODIFIED}, ETAG),
        ({"etag": 'W/"v1"', "last_modified": MODIFIED}, MODIFIED),  # a weak one promises alike, not equal
        ({"etag": 'W/"v1"'}, None),
        ({}, None),
    ],
)
async def test_a_cut_download_goes_on_where_it_broke_off(validators, if_range, client, storage, tmp_path):
    first = len(LONG) // 2
    task = only(
        storage,
        cut(LONG, first, **validators),
        lambda asked: rest(LONG, **validators)(asked)[:-1000],
        rest(LONG, **validators),
    )
    [copy] = await client.bring(task, tmp_path)
    assert copy.path.read_bytes() == LONG
    assert (copy.size, copy.digest) == (len(LONG), hashlib.sha256(LONG).hexdigest())
    assert [asked.headers.get("range") for asked in storage.asked] == [
        None,
        f"bytes={first}-",
        f"bytes={len(LONG) - 1000}-",
    ]
    assert [asked.headers.get("if-range") for asked in storage.asked] == [None, if_range, if_range]
    assert names(tmp_path) == ["17/0.mp4"]


async def test_a_length_that_the_first_answer_did_not_say_is_learned_from_the_rest(client, storage, tmp_path):
    chunked = b"HTTP/1.1 200 OK\r\netag: " + ETAG.encode() + b"\r\ntransfer-encoding: chunked\r\n\r\n1000\r\n"
    task = only(storage, chunked + LONG[:4096], lambda asked: rest(LONG)(asked)[:-1000], rest(LONG))
    [copy] = await client.bring(task, tmp_path)
    assert copy.digest == hashlib.sha256(LONG).hexdigest()
    assert storage.asked_for(".mp4") == 3


OTHER = mp4(b"another clip " * 100)


@pytest.mark.parametrize(
    "said",
    [
        [answer(200, OTHER)],
        [rest(LONG, start=0), answer(200, OTHER)],
        [rest(LONG, total=len(LONG) + 1), answer(200, OTHER)],
        [rest(LONG, etag='"v2"'), answer(200, OTHER)],
        [rest(LONG, last_modified="Wed, 03 Sep 2025 10:00:00 GMT"), answer(200, OTHER)],
        [rest(LONG, content_encoding="gzip"), answer(200, OTHER)],
        [answer(206, LONG[5000:]), answer(200, OTHER)],
        [answer(416, content_range=f"bytes */{len(OTHER)}"), answer(200, OTHER)],
        [answer(503), DROP, answer(200, OTHER)],
    ],
    ids=["200", "range", "total", "etag", "modified", "gzip", "no range", "416", "trouble"],
)
async def test_another_file_than_before_is_begun_anew(said, client, storage, tmp_path):
    task = only(storage, cut(LONG, 5000, etag=ETAG, last_modified=MODIFIED), *said)
    [copy] = await client.bring(task, tmp_path)
    assert copy.path.read_bytes() == OTHER
    assert copy.digest == hashlib.sha256(OTHER).hexdigest()


async def test_a_link_that_expires_on_the_way_is_renewed(client, storage, tmp_path):
    task = only(storage, cut(LONG, 5000, etag=ETAG), answer(403))
    storage.links = {0: "fresh/0.mp4"}
    storage.said["/fresh/0.mp4"] = answer(200, LONG)
    [copy] = await client.bring(task, tmp_path)
    assert copy.path.read_bytes() == LONG


async def test_a_line_that_always_breaks_is_given_up_after_some_tries(client, storage, tmp_path):
    on_terms(client, tries=3)
    task = only(storage)
    storage.said["/clip/0.mp4"] = lambda _: cut(LONG, 5000)
    with pytest.raises(BadClip, match=f"5000 of {len(LONG)} bytes came"):
        await client.download(task, tmp_path)
    assert storage.asked_for(".mp4") == 6  # with a fresh look between
    assert names(tmp_path) == []


async def test_a_host_that_asks_for_patience_gets_it_up_to_a_limit(client, storage, tmp_path):
    on_terms(client, longest_pause=0.1)
    busy = answer(503, retry_after="9999")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await client.download(only(storage, busy, busy, answer(200, mp4())), tmp_path)
    assert 0.2 <= loop.time() - begun < 5


async def test_a_link_that_leads_nowhere_is_not_tried_again(client, storage, tmp_path):
    for link in ("ftp://files.example/0.mp4", "http://[::1/0.mp4", "file:///etc/passwd"):
        with pytest.raises(ServiceError, match="leads nowhere"):
            await client.download(Task(id="17", clips=(Clip("17", 0, url=link),)), tmp_path)
    with pytest.raises(ServiceError, match=r"leads nowhere.*redirects"):
        await client.download(only(storage, *[answer(302, location="/clip/0.mp4")] * 6), tmp_path)


async def test_a_status_that_will_not_change_is_not_asked_for_again(client, storage, tmp_path):
    with pytest.raises(ServiceError, match="HTTP 451"):
        await client.download(only(storage, answer(451)), tmp_path)


async def test_a_host_that_says_nothing_is_left_at_the_deadline(client, storage, tmp_path):
    on_terms(client, deadline=0.1)
    with pytest.raises(ServiceError, match=r"clip \[0\] of task 17 was not here within 0.1 s"):
        await client.download(only(storage, HANG), tmp_path)
    assert names(tmp_path) == []


# What is too much


@pytest.mark.parametrize("length", [{}, {"content_length": "9000000000"}, {"transfer_encoding": "chunked"}])
async def test_a_file_beyond_the_limit_is_refused_with_the_figure(length, client, storage, tmp_path):
    on_terms(client, size_limit=2 * PIECE)
    body = b"%x\r\n" % len(LONG) + LONG + b"\r\n0\r\n\r\n" if "transfer_encoding" in length else LONG
    said = answer(200, body, **length)
    if "transfer_encoding" in length:
        said = said.replace(b"content-length", b"x-length")
    with pytest.raises(BadClip, match=f"at most {2 * PIECE} are taken"):
        await client.download(only(storage, said, said), tmp_path)
    assert names(tmp_path) == []


async def test_a_page_without_an_end_is_left_at_its_first_megabyte(client, storage, tmp_path):
    page = cut(b"<html>" + b"x" * 50 * PIECE, 3 * PIECE)
    with pytest.raises(BadClip, match="a web page"):
        await client.download(only(storage, page, page), tmp_path)
    assert storage.asked_for(".mp4") == 2  # one, and one more after the fresh look


async def test_no_more_than_some_arrive_at_once_whatever_tasks_they_are_of(client, tmp_path):
    here, most, enough = 0, 0, asyncio.Event()

    async def serve(reader, writer):
        nonlocal here, most
        await reader.readuntil(b"\r\n\r\n")
        here += 1
        most = max(most, here)
        if here == 3:
            enough.set()
        await enough.wait()
        here -= 1
        writer.write(answer(200, mp4()))
        await writer.drain()
        writer.close()

    on_terms(client, at_once=3)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.mp4"
        tasks = [Task(id=str(n), clips=tuple(Clip(str(n), i, url=url) for i in range(4))) for n in range(3)]
        paths = await asyncio.gather(*(client.download(task, tmp_path) for task in tasks))
    assert sum(map(len, paths)) == 12
    assert most == 3


async def test_an_error_page_that_repeats_the_key_is_not_quoted(client, storage, tmp_path):
    said = answer(200, f"{KEY} is unknown".encode())
    with pytest.raises(BadClip) as caught:
        await client.download(only(storage, said, said), tmp_path)
    assert KEY[3:] not in str(caught.value)


# Others at work in the same folder


async def test_two_downloads_at_once_do_not_disturb_each_other(client, task, storage, tmp_path):
    async with Client(KEY, storage.url) as other:
        first, second = await asyncio.gather(client.download(task, tmp_path), other.download(task, tmp_path))
    assert first == second
    assert names(tmp_path) == WHOLE
    assert [path.read_bytes() for path in first] == [mp4(b"clip %d" % i) for i in range(4)]


async def test_a_cancelled_download_leaves_nothing_half_done(client, task, storage, tmp_path):
    begun = asyncio.Event()

    async def stall(reader, writer):
        begun.set()
        writer.write(answer(200, mp4()[:4000], content_length="9000"))
        await storage._stopping.wait()
        writer.close()

    slow = await asyncio.start_server(stall, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{slow.sockets[0].getsockname()[1]}/a.mp4"
    work = asyncio.create_task(client.download(Task(id="17", clips=(Clip("17", 0, url=url),)), tmp_path))
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert names(tmp_path) == []
    slow.close()


@pytest.mark.parametrize(
    "task_id", ["../../etc/cron.d/x", "/etc/passwd", "..", ".", "a/b", "a\\b", "C:x", "", "x" * 400, "任务"]
)
def test_a_clip_stays_inside_its_folder(task_id, tmp_path):
    path = clip_path(tmp_path, task_id, 0)
    assert path.resolve().parent.parent == tmp_path.resolve()
    assert path.name == "0.mp4"
    assert len(path.parent.name) < 150
    assert path.parent.name.isascii()


def test_no_two_ids_share_a_folder(tmp_path):
    ids = ["a/b", "a_b", "a.b", "a\\b", "..", "__", "x" * 400, "x" * 401, "", "_", "017", "17"]
    assert len({clip_path(tmp_path, task_id, 0) for task_id in ids}) == len(ids)
    assert clip_path(tmp_path, "017", 3) == tmp_path / "017" / "3.mp4"


async def test_an_id_with_path_characters_is_downloaded_too(client, storage, tmp_path):
    task = Task(id="../17", clips=(Clip("../17", 0, url=f"{storage.url}/clip/0.mp4"),))
    [path] = await client.download(task, tmp_path / "clips")
    assert path.resolve().is_relative_to((tmp_path / "clips").resolve())
    assert path.read_bytes() == mp4(b"clip 0")


async def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk(client, task, tmp_path):
    """A file stands where the folder should be: no right to write helps there, also not that of root."""
    (tmp_path / "clips").write_text("in the way")
    with pytest.raises(OSError, match="clips"):
        await client.download(task, tmp_path / "clips")
    assert names(tmp_path) == ["clips"]


async def test_a_clip_that_came_from_elsewhere_meanwhile_stays(client, storage, tmp_path):
    kept = clip_path(tmp_path, "17", 0)

    def meanwhile(_):
        kept.write_bytes(b"of another kernel")
        return answer(200, mp4())

    [copy] = await client.bring(only(storage, meanwhile), tmp_path)
    assert kept.read_bytes() == b"of another kernel"
    assert (copy.path, copy.size, copy.digest) == (kept, 17, "")
    assert names(tmp_path) == ["17/0.mp4"]


async def test_whoever_comes_second_finds_the_clip_though_its_part_was_taken_away(client, storage, tmp_path):
    kept = clip_path(tmp_path, "17", 0)

    def meanwhile(_):
        [part] = kept.parent.glob("*.part")
        part.unlink()
        kept.write_bytes(b"of another kernel")
        return answer(200, mp4())

    [copy] = await client.bring(only(storage, meanwhile), tmp_path)
    assert (copy.path.read_bytes(), copy.digest) == (b"of another kernel", "")


async def test_a_part_that_somebody_took_away_is_told(client, storage, tmp_path):
    def meanwhile(_):
        [part] = (tmp_path / "17").glob("*.part")
        part.unlink()
        return answer(200, mp4())

    with pytest.raises(FileNotFoundError):
        await client.download(only(storage, meanwhile), tmp_path)
    assert names(tmp_path) == []


async def test_what_a_killed_process_left_goes_when_the_clip_is_there(client, task, tmp_path):
    folder = tmp_path / "17"
    folder.mkdir()
    for name in ("0.0a1b2c3d.part", "0.ffffffff.part", "3.0a1b2c3d.part", "notes.part"):
        (folder / name).write_bytes(mp4()[:100])
    await client.download(task, tmp_path)
    assert names(tmp_path) == [*WHOLE, "17/notes.part"]


async def test_a_disk_without_hard_links_does_as_well(client, storage, tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    [copy] = await client.bring(only(storage, answer(200, mp4())), tmp_path / "a")
    assert copy.digest == hashlib.sha256(mp4()).hexdigest()
    kept = clip_path(tmp_path / "b", "17", 0)

    def meanwhile(_):
        kept.write_bytes(b"of another kernel")
        return answer(200, mp4())

    await client.bring(only(storage, meanwhile), tmp_path / "b")
    assert kept.read_bytes() == b"of another kernel"
    assert names(tmp_path) == ["a/17/0.mp4", "b/17/0.mp4"]


@contextmanager
def small_disk(size):
    """No file may grow beyond some bytes, as on a disk that is full. No longer than needed: it holds for reports too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 4000, PIECE, len(LONG) - 1])
async def test_a_disk_that_is_full_is_told_and_nothing_half_written_stays(room, client, storage, tmp_path):
    task = only(storage, answer(200, LONG))
    with small_disk(room), pytest.raises(OSError, match="too large"):
        await client.download(task, tmp_path)
    assert names(tmp_path) == []


async def test_a_disk_that_fails_at_the_end_leaves_no_part(client, task, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        await client.download(task, tmp_path)
    assert names(tmp_path) == []


async def test_a_task_without_clips_is_told_and_not_taken_for_done(client, tmp_path):
    with pytest.raises(InvalidRequest, match="wait for it first") as caught:
        await client.download(Task(id="17", status="IN_PROGRESS"), tmp_path)
    assert caught.value.field == "task"


@pytest.mark.parametrize(
    "content",
    [
        mp4(),
        box(b"wide") + box(b"mdat", b"x") + box(b"moov"),
        box(b"ftyp") + struct.pack(">I4sQ", 1, b"mdat", 24) + bytes(8) + box(b"moov"),  # a 64-bit length
        box(b"ftyp") + box(b"moov") + struct.pack(">I4s", 0, b"mdat") + bytes(80),  # to the end of the file
    ],
)
def test_every_layout_of_a_whole_video_is_known(content, tmp_path):
    (tmp_path / "a.mp4").write_bytes(content)
    assert is_whole_mp4(tmp_path / "a.mp4") == ""


def webm(said=None, pictures=b"pictures"):
    size = (1 << 56 | len(pictures)) if said is None else said
    return b"\x1a\x45\xdf\xa3\x84webm\x18\x53\x80\x67" + size.to_bytes(8, "big") + pictures


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (webm(), ""),
        (webm(said=(1 << 57) - 1), ""),  # a live recording does not know its length
        (webm()[:-1], "it is cut short"),
        (webm()[:-8], "it is cut short"),
        (webm()[:9], "it is cut short"),
        (b"\x1a\x45\xdf\xa3\x84webmEBML is more than video", "it holds no pictures (segment)"),
    ],
)
def test_a_webm_is_known_and_its_length_checked(content, why, tmp_path):
    (tmp_path / "a.mp4").write_bytes(content)
    assert is_whole_mp4(tmp_path / "a.mp4") == why


async def test_a_webm_is_kept_too(client, storage, tmp_path):
    [path] = await client.download(only(storage, answer(200, webm())), tmp_path)
    assert path.name == "0.mp4"
    assert path.read_bytes() == webm()

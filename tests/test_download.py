"""A file under its final name is a whole clip; whatever goes wrong on the way loses no other one."""

import asyncio
import struct

import pytest

from mjvideo_nb import BadClip, Client, Clip, ClipExpired, InvalidRequest, ServiceError, Task
from mjvideo_nb.download import clip_path, is_whole_mp4
from tests.loopback import DROP, Server, answer

KEY = "sk-0123456789"


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
        return said.pop(0) if isinstance(said, list) else said

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
    assert storage.asked_for("/fetch") == 1


HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(200, mp4()[:900], content_length="9000"), "900 of 9000 bytes came"),
        (answer(200, mp4()[:900]), "cut short"),
        (answer(200, mp4()[:-1]), "cut short"),
        (answer(200, mp4()[:20]), "cut short"),
        (answer(200, b""), "it is empty"),
        (answer(200, HTML, content_type="text/html"), "not a video; it begins with b'<!DOCTYPE html>"),
        (answer(200, b'{"error": "expired"}'), "not a video"),
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
    import gzip

    storage.said["/clip/0.mp4"] = answer(200, gzip.compress(mp4()), content_encoding="gzip")
    paths = await client.download(task, tmp_path)
    assert paths[0].read_bytes() == mp4()


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


async def test_a_full_disk_is_an_error_of_the_disk_and_leaves_no_part(client, task, tmp_path, monkeypatch):
    from mjvideo_nb import download

    def full(part, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_keep", full)
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

"""The sandbox in three depths: its application with instant clips, its own rendering, and the whole process."""

import base64
import io
import threading
import time
from pathlib import Path

import httpx
import pytest
import uvicorn
from PIL import Image

from mjvideo_nb.sandbox.__main__ import _listen
from mjvideo_nb.sandbox.app import create_app
from mjvideo_nb.sandbox.connection import Connection
from mjvideo_nb.sandbox.process import SandboxProcess
from mjvideo_nb.sandbox.service import Service
from mjvideo_nb.sandbox.store import Folder, Store
from mjvideo_nb.sandbox.workers import Workers, _prepare
from tests.patience import PATIENCE

PHOTO = Path(__file__).parents[2] / "notebooks" / "coffee.jpg"
ENDED = ("SUCCESS", "FAILURE", "CANCEL")


def data_uri(picture: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()


def picture(width: int, height: int, *, kind: str = "PNG", **options: object) -> bytes:
    """Something with edges in both directions and a different colour in each corner."""
    gradient = Image.merge(
        "RGB",
        (
            Image.linear_gradient("L").rotate(90).resize((width, height)),
            Image.linear_gradient("L").resize((width, height)),
            Image.radial_gradient("L").resize((width, height)),
        ),
    )
    file = io.BytesIO()
    gradient.save(file, kind, **options)
    return file.getvalue()


class Caller:
    """Somebody who uses the service."""

    def __init__(self, http: httpx.Client, *, every: float = 0.1) -> None:
        self.http = http
        self.every = every

    def post(self, **fields: object) -> httpx.Response:
        body = {"motion": "high", "prompt": "steam", "image": data_uri(PHOTO.read_bytes()), **fields}
        return self.http.post(
            "/mj/submit/video", json={name: value for name, value in body.items() if value is not None}
        )

    def submit(self, **fields: object) -> str:
        answer = self.post(**fields).json()
        assert answer["code"] == 1, answer
        return answer["result"]

    def fetch(self, task_id: str) -> dict:
        return self.http.get(f"/mj/task/{task_id}/fetch").json()

    def wait(self, task_id: str) -> dict:
        """Poll until the task ends."""
        deadline = time.monotonic() + PATIENCE
        while (task := self.fetch(task_id))["status"] not in ENDED:
            assert time.monotonic() < deadline, task
            time.sleep(self.every)
        return task

    def make(self, **fields: object) -> dict:
        return self.wait(self.submit(**fields))

    def clips(self, task: dict) -> list[bytes]:
        return [self.http.get(item["url"]).raise_for_status().content for item in task["videoUrls"]]

    def faults(self, *faults: dict) -> None:
        self.http.put("/sandbox/faults", json={"faults": list(faults)}).raise_for_status()


class InstantWorkers(Workers):
    """Prepares the first frame in this process (the usual one once) and makes clips of no use, at once."""

    kept = {}  # noqa: RUF012 - shared on purpose

    async def prepare(self, folder, resolution):
        if resolution != "480" or Folder(folder).source.read_bytes() != PHOTO.read_bytes():
            return _prepare(folder, resolution)
        if not self.kept:
            prepared = _prepare(folder, resolution)
            self.kept.update(prepared=prepared, files={path.name: path.read_bytes() for path in folder.glob("*.jpg")})
        for name, content in self.kept["files"].items():
            (folder / name).write_bytes(content)
        return self.kept["prepared"]

    async def film(self, order, slot):
        Folder(order.folder).clip(order.variant).write_bytes(f"clip {order.variant} ".encode() * 100)
        self._frames[slot] = order.frames


class Behind:
    """One server for all the tests, before an application that each test has for itself."""

    app = None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


@pytest.fixture(scope="package")
def behind():
    behind = Behind()
    server = uvicorn.Server(uvicorn.Config(behind, http=Connection, ws="none", lifespan="off", log_config=None))
    with _listen(0) as listener:
        behind.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield behind
        server.should_exit = True
        thread.join()


@pytest.fixture
def caller(behind, tmp_path):
    """The application in this process; clips are there as soon as the first frame was looked at."""
    service = Service(Store(tmp_path / "store"), InstantWorkers(), seconds=0)
    behind.app = create_app(service)
    with httpx.Client(base_url=behind.url, timeout=PATIENCE) as http:
        caller = Caller(http, every=0.005)
        caller.service_seconds = lambda seconds: setattr(service, "seconds", seconds)
        yield caller


@pytest.fixture(scope="package")
def process(tmp_path_factory, clips_of_the_run):
    """The real thing, as fast as it renders; what it has filmed is there for those of the other processes of the run."""
    with SandboxProcess.start(seconds=0, store=tmp_path_factory.mktemp("store"), clips=clips_of_the_run) as process:
        yield process


@pytest.fixture(scope="package")
def real(process):
    with httpx.Client(base_url=process.url, timeout=PATIENCE) as http:
        yield Caller(http)


@pytest.fixture(autouse=True)
def _no_faults_left(request):
    yield
    if "real" in request.fixturenames:
        request.getfixturevalue("real").faults()

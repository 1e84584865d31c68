"""First frames by URL."""

import http.server

import pytest

from mjvideo_nb.sandbox import links
from tests.loopback import serving

from .conftest import PHOTO


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        match self.path:
            case "/photo.jpg":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(PHOTO.read_bytes())
            case "/moved":
                self.send_response(302)
                self.send_header("Location", "/photo.jpg")
                self.end_headers()
            case "/to-a-file":
                self.send_response(302)
                self.send_header("Location", "file:///etc/hostname")
                self.end_headers()
            case "/page":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"<html>no picture</html>")
            case _:
                self.send_error(404)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web():
    with serving(Pages) as url:
        yield url


@pytest.mark.parametrize("path", ["/photo.jpg", "/moved"])
def test_a_picture_on_the_web(caller, web, path):
    assert caller.make(image=web + path)["status"] == "SUCCESS"


@pytest.mark.parametrize("path", ["/nothing", "/to-a-file"])
def test_a_link_that_leads_nowhere(caller, web, path):
    task = caller.make(image=web + path)
    assert task["status"] == "FAILURE"
    assert task["failReason"].startswith("[Invalid link!]")


def test_a_link_to_a_page(caller, web):
    assert caller.make(image=f"{web}/page")["failReason"].startswith("[Image denied]")


@pytest.mark.parametrize("link", ["file:///etc/hostname", "ftp://127.0.0.1/x", "http://", "http://[", "data://x"])
def test_only_the_web(caller, link):
    assert caller.make(image=link)["failReason"].startswith("[Invalid link!]")


def test_a_picture_on_the_web_that_is_too_large(caller, web, monkeypatch):
    monkeypatch.setattr(links, "LARGEST", 1000)
    assert "larger than" in caller.make(image=f"{web}/photo.jpg")["failReason"]

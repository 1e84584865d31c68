"""A page to give away: clips that play in step in any browser, with prompts and settings, without kernel or server.

The page is plain HTML that can be read where no scripts run; its script takes it over. Nothing in it is ever loaded from
elsewhere: its own policy forbids that.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote

from mjvideo_nb.container import EBML, is_whole_mp4
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.written import written

from .card import download_name

__all__ = ["Show", "ShownClip", "write_page"]

HERE = Path(__file__).parent
SCRIPTS = (
    *("parts.js", "icons.js", "player.js", "bar.js", "help.js", "zoom.js", "difference.js", "modes.js"),
    "export.js",
)
STYLES = ("theme.css", "stage.css", "modes.css", "export.css")

PIECE = 3 * 512 * 1024
"""Bytes of a clip in memory at a time; base64 of thirds can be joined."""
STARS = 5
SANDBOX = "<b>Sandbox</b> · these clips were rendered from the picture alone, not by Midjourney."


@dataclass(frozen=True)
class ShownClip:
    """One clip of a show.

    Args:
        index: the number on its badge.
        path: its file, an MP4 or WebM.
        rating: 1-5 stars, or None.

    """

    index: int
    path: Path
    rating: int | None = None


@dataclass(frozen=True)
class Show:
    """One row of the page: clips that play in step, and what made them.

    Args:
        title: the prompt, or "".
        chips: short words about the settings, such as `("high", "480p")`.
        origin: what it started from, such as `"coffee.jpg"` or `"[1] of task 1773314942177684"`, or "".
        task_id: the service's id.
        made: when, or None.
        clips: in the order in which they are shown.
        steps: how it came about, oldest first, in words: `"0–5 s: low · petals open"`.
        note: a quiet line, or "".
        sandbox: whether the sandbox made it.
        aspect: width / height of its clips, so that the page does not move when they load; None where it is not known.

    """

    title: str
    chips: tuple[str, ...]
    origin: str
    task_id: str
    made: datetime | None
    clips: tuple[ShownClip, ...]
    steps: tuple[str, ...] = ()
    note: str = ""
    sandbox: bool = False
    aspect: float | None = None


@dataclass(frozen=True)
class _Placed:
    """A clip and what it is called here: the id of a block of data in the page, or a file in the folder beside it."""

    clip: ShownClip
    name: str
    media_type: str


def write_page(
    path: str | os.PathLike[str],
    shows: Sequence[Show],
    *,
    title: str = "Videos",
    videos: Literal["inside", "beside"] = "inside",
) -> Path:
    """Write a page that plays these shows, each in step, in any browser and without a server.

    Args:
        path: the page, ending in `.html` or `.htm`. Replaced if it is there; folders on the way to it are made.
        shows: what to show, in this order.
        title: over the page and in the browser's tab.
        videos: `"inside"`: the page is one file, 4/3 as large as its clips. `"beside"`: the clips are copied to
            `<name>_files/`, which has to move with the page; what lies there from before stays.

    Returns:
        The path of the page.

    Raises:
        InvalidRequest: there are no shows, a clip's file is gone or is no whole video, the path has another ending or
            cannot be written to. A page that was there before is then as it was.

    """
    page = Path(path).expanduser()
    if page.suffix.lower() not in {".html", ".htm"}:
        raise InvalidRequest(f"path: a page ends in .html, not {page.name!r}; add it.", field="path")
    if videos not in {"inside", "beside"}:
        raise InvalidRequest(f'videos: "inside" or "beside", not {videos!r}.', field="videos")
    if not shows:
        raise InvalidRequest("jobs: nothing to export; name one or more jobs that have clips.", field="jobs")
    for show in shows:
        for clip in show.clips:
            _check(clip, show)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        _write(page, shows, title, inside=videos == "inside")
    except OSError as error:
        if str(error.filename) in {str(clip.path) for show in shows for clip in show.clips}:
            message = f"jobs: {error.filename} went away while it was exported; export again."
            raise InvalidRequest(message, field="jobs") from error
        why = error.strerror or type(error).__name__
        message = (
            f"path: {page} could not be written: {why}. Nothing half-written is left; make room or choose another."
        )
        raise InvalidRequest(message, field="path") from error
    return page


def _check(clip: ShownClip, show: Show) -> None:
    name = f"clip [{clip.index}] of task {show.task_id}" if show.task_id else f"clip [{clip.index}]"
    try:
        why = is_whole_mp4(clip.path)
    except FileNotFoundError:
        why = "its file is gone"
    except OSError as error:
        why = error.strerror or type(error).__name__
    if why:
        remedy = f'fetch it again with mj.open("{show.task_id}")' if show.task_id else "put it back"
        message = f"jobs: {name} cannot be exported ({clip.path}: {why}); {remedy}, or leave that job out."
        raise InvalidRequest(message, field="jobs")


def _write(page: Path, shows: Sequence[Show], title: str, *, inside: bool) -> None:
    folder = page.with_name(f"{page.stem}_files")
    rows = _place(shows, inside=inside)
    placed = [place for _, row in rows for place in row]
    if not inside:
        folder.mkdir(exist_ok=True)
        for place in placed:
            with written(folder / place.name) as part, part.open("xb") as file, place.clip.path.open("rb") as clip:
                shutil.copyfileobj(clip, file, PIECE)
    base = "" if inside else f"{quote(os.fsencode(folder.name))}/"
    with written(page) as part, part.open("xb") as file:
        for text in _page(rows, title, base):
            # A prompt can hold half of a character, which no file can.
            file.write(text.encode("utf-8", errors="replace"))
        for place in placed if inside else ():
            _embed(file, place)
        file.write(b"</body>\n</html>\n")


def _place(shows: Sequence[Show], *, inside: bool) -> list[tuple[Show, list[_Placed]]]:
    """Give each clip a name of its own."""
    taken: dict[str, Path] = {}
    rows = []
    for number, show in enumerate(shows):
        task = re.sub(r"[^\w-]+", "-", show.task_id).strip("-") or f"show{number}"
        row = []
        for position, clip in enumerate(show.clips):
            webm = _is_webm(clip.path)
            name = f"clip-{number}-{position}"
            if not inside:
                ending = ".webm" if webm else ".mp4"
                name = f"{task}-{clip.index}{ending}"
                if taken.setdefault(name, clip.path) != clip.path:
                    name = f"{task}-{clip.index}-{number}-{position}{ending}"
            row.append(_Placed(clip, name, "video/webm" if webm else "video/mp4"))
        rows.append((show, row))
    return rows


def _is_webm(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(EBML)) == EBML


def _embed(file: BinaryIO, place: _Placed) -> None:
    """Put a clip into the page: a script of a type that no browser runs is data."""
    file.write(f'<script type="{place.media_type};base64" id="{place.name}">'.encode())
    with place.clip.path.open("rb") as clip:
        while piece := clip.read(PIECE):
            file.write(base64.b64encode(piece))
    file.write(b"</script>\n")


def _page(rows: Sequence[tuple[Show, list[_Placed]]], title: str, base: str) -> Iterator[str]:
    """The page up to its data. `base`: the address of the folder beside it, or ""."""
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n{script}'
    style = "\n".join((HERE / name).read_text(encoding="utf-8") for name in STYLES)
    media = "'self' file:" if base else "blob:"  # some browsers do not count a file beside the page as its own
    policy = (
        f"default-src 'none'; script-src {_allowed(script)}; style-src {_allowed(style)}; media-src {media}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    videos, clips = len(rows), sum(len(row) for _, row in rows)
    heading = escape(title or "Videos")
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<title>{heading}</title>\n<link rel="icon" href="data:,">\n<style>{style}</style>\n</head>\n<body>\n'
        f'<main class="mj mj-page">\n<header class="mj-top"><h1 dir="auto">{heading}</h1>'
        f"<p>{_count(videos, 'video')}, {_count(clips, 'clip')}</p></header>\n"
    )
    if not base and clips:
        yield "<noscript>The clips are in this page, but they play only where its script may run.</noscript>\n"
    for show, row in rows:
        yield _show(show, row, base)
    yield f"</main>\n<script>{script}</script>\n"


def _allowed(text: str) -> str:
    """How a policy names this one script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _show(show: Show, row: list[_Placed], base: str) -> str:
    title = escape(show.title) if show.title.strip() else '<span class="mj-none">no prompt</span>'
    chips = "".join(f'<span class="mj-chip">{escape(chip)}</span>' for chip in show.chips)
    aspect = f' data-aspect="{show.aspect:.4f}"' if show.aspect else ""
    parts = [
        f'<section class="mj-card mj-show" aria-label="Video: {escape(show.title) or "no prompt"}"{aspect}>',
        f'<div class="mj-strip">{SANDBOX}</div>' if show.sandbox else "",
        f'<div class="mj-head"><h2 class="mj-title" dir="auto">{title}</h2><span class="mj-chips">{chips}</span></div>',
        f'<div class="mj-line">{_crumb(show)}</div>',
    ]
    if show.steps:
        steps = "".join(f'<li dir="auto">{escape(step)}</li>' for step in show.steps)
        parts.append(f'<ol class="mj-steps" aria-label="How it came about">{steps}</ol>')
    if show.note:
        parts.append(f'<div class="mj-note" dir="auto">{escape(show.note)}</div>')
    if row:
        clips = "\n".join(_clip(show, place, base) for place in row)
        parts.append(f'<div class="mj-grid" data-clips="{min(len(row), 4)}">\n{clips}\n</div>')
    return "\n".join(part for part in [*parts, "</section>", ""] if part) + "\n"


def _crumb(show: Show) -> str:
    clips = f"<b>{_count(len(show.clips), 'clip')}</b>"
    words = [f"{escape(show.origin)} › {clips}" if show.origin else clips]
    if show.made:
        when = f"{show.made.day} {show.made:%b %Y, %H:%M}"
        words.append(f'<time datetime="{show.made.isoformat()}">{when}</time>')
    if show.task_id:
        words.append(f"task {escape(show.task_id)}")
    return " · ".join(words)


def _clip(show: Show, place: _Placed, base: str) -> str:
    index, rating = place.clip.index, place.clip.rating
    address, label = f"{base}{quote(place.name)}", f'aria-label="Clip [{index}]"'
    if base:
        source, link = f'data-file="{address}"', f'href="{address}" target="_blank" rel="noopener"'
        plain = f'<noscript><video src="{address}" controls muted playsinline preload="metadata" {label}></video></noscript>'
    else:
        source, link, plain = f'data-block="{place.name}"', "hidden", ""
    saved = escape(download_name(show.title, show.task_id, index))
    stars = ""
    if rating:
        rest = f"<i>{'★' * (STARS - rating)}</i>"
        stars = f'<span class="mj-stars" role="img" aria-label="Rated {rating} of {STARS}">{"★" * rating}{rest}</span>'
    return (
        f'<div class="mj-clip" data-index="{index}" role="group" {label}><div class="mj-screen" {source}>{plain}'
        f'<span class="mj-badge" aria-hidden="true">[{index}]</span></div>'
        f'<div class="mj-acts"><a class="mj-icon" {link} download="{saved}" aria-label="Download [{index}]" '
        f'title="Download {saved}">⤓</a>{stars}</div></div>'
    )

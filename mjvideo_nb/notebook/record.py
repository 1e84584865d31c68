"""What a saved notebook says of a job where no kernel runs: plain HTML that plays the local files, and the same in words.

It is read in JupyterLab without a kernel, in a notebook that is not trusted, on GitHub, in what nbconvert makes, and in a
terminal. Each of them takes away something else (styles, videos, or all of the HTML), and what is left reads well. No
widgets here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["MOST_PICTURES", "Told", "record"]

MOST_PICTURES = 32_000
"""Characters that all pictures of one job take: it is saved with the notebook."""
LONGEST_WORDS = 600
"""Characters of a prompt in the words; the HTML has it whole."""
STARS = 5

LIVE = "Run the cell again for the live view; what was made is shown again, and nothing is sent."
SANDBOX = "Sandbox: rendered on this machine, not by Midjourney."

# Beside the live view, which says more, the record is not shown; and where there is a record and no live view, neither is
# the line that says so. The third rule is for VS Code and Colab, which keep the outputs of a cell in one box. A record
# waits for its view, which comes a moment later. Where styles are taken away, there is no live view either. Where they are
# kept, the last row of clips is no wider than the others, and paper has the pictures without the buttons to play them.
STYLE = (
    ".jp-OutputArea-child:has(.mj-live)+.jp-OutputArea-child:has(.mj-record),"
    ".jp-OutputArea-child:not(:has(.mj-live)):has(+.jp-OutputArea-child .mj-record),"
    ":is(.cell_container,#output-area):has(.mj-live) .mj-record{display:none}"
    "@media screen{.mj-record{animation:mj-record .01s .7s backwards}}"
    "@keyframes mj-record{from{height:0;overflow:hidden;visibility:hidden}}"
    ".mj-record tr{display:grid!important;grid-template-columns:repeat(auto-fit,minmax(130px,1fr))}"
    "@media print{.mj-record img+video{display:none!important}}"
)

# The colours are the page's own, and so right in its dark theme too. On the elements themselves, because JupyterLab keeps
# these in a notebook that is not trusted, and a style element it does not.
CARD = "border:1px solid rgba(128,128,128,.35);border-radius:10px;margin:2px 0 14px;max-width:940px;padding:11px 14px"
TITLE = "font-weight:600;max-height:9em;overflow:auto;overflow-wrap:anywhere;white-space:pre-wrap"
QUIET = "font-size:12px;opacity:.75;overflow-wrap:anywhere"
ROW = "background:none;border:none;display:flex;flex-wrap:wrap;gap:8px;margin:8px 0;padding:0;width:100%"
CELL = "border:none;display:block;flex:1 1 150px;max-width:300px;padding:0;text-align:left;vertical-align:top"
SCREEN = "display:block;position:relative"
PICTURE = "border-radius:6px;display:block;margin:0;max-width:none;width:100%"
OVER = "border-radius:6px;height:100%;left:0;position:absolute;top:0;width:100%"

CLEAR = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
"""A poster of one clear pixel: without one, Chromium paints a grey ground over the picture below."""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SECRETIVE = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s?#]+)[?#][^\s\"')]*")


@dataclass(frozen=True)
class Told:
    """A job as a record tells it.

    Args:
        card: of the job, see `Stage.show`.
        made: when it was asked for.
        posters: of its clips by their index, as data URIs.
        frame: its first frame as a data URI, shown where there are no posters; "" for none.

    """

    card: Mapping[str, Any]
    made: datetime | None = None
    posters: Mapping[int, str] = field(default_factory=dict)
    frame: str = ""


def record(jobs: Sequence[Told], *, heading: str = "", nothing: str = "") -> dict[str, str]:
    """The record of some jobs, by media type: `text/html` and `text/plain`.

    Args:
        jobs: in the order in which they are shown.
        heading: what is said above them.
        nothing: what is said where there are none.

    """
    above = "" if jobs else nothing
    heads = [
        f'<div dir="auto" style="{CARD}">{escape(words)}</div>' for words in map(_whole, (heading, above)) if words
    ]
    cards = "".join([*heads, *(_card(told) for told in jobs)])
    words = "\n\n".join(text for text in (_whole(heading), above, *(_words(told) for told in jobs)) if text)
    page = f'<div class="mj-record"><style>{STYLE}</style>{cards}</div>'
    return {"text/html": page, "text/plain": words}


def _card(told: Told) -> str:
    card = told.card
    title = escape(_whole(card["title"])) or "<i>no prompt</i>"
    parts = [
        _line(SANDBOX, QUIET) if card["sandbox"] else "",
        f'<div dir="auto" style="{TITLE}">{title}</div>',
        _line(" · ".join(_facts(told)), QUIET),
        "".join(_step(step) for step in card["chain"]),
        _line(_trouble(card), "overflow-wrap:anywhere"),
        _first_frame(told),
        _clips(told),
        _line(_afterwards(card), QUIET),
    ]
    return f'<div style="{CARD}">{"".join(parts)}</div>'


def _line(text: str, style: str) -> str:
    return f'<div dir="auto" style="{style}">{escape(text)}</div>' if text else ""


def _step(step: Mapping[str, str]) -> str:
    return _line(f"{step['seconds']}: {step['words']} · {_whole(step['prompt']) or 'no prompt'}", QUIET)


def _first_frame(told: Told) -> str:
    if told.posters or not told.frame:
        return ""
    return f'<div><img src="{escape(told.frame)}" alt="First frame" width="200" style="border-radius:6px;margin:8px 0"></div>'


def _clips(told: Told) -> str:
    """A table: it stays a row of pictures where styles are taken away."""
    if not told.card["clips"]:
        return ""
    cells = "".join(_clip(clip, told) for clip in told.card["clips"])
    return (
        f'<table style="background:none;border:none;display:block;margin:0;width:100%"><tbody style="display:block">'
        f'<tr style="{ROW}">{cells}</tr></tbody></table>'
    )


def _clip(clip: Mapping[str, Any], told: Told) -> str:
    """The video lies over its picture: the picture is there once, and is what is left where no video can be played."""
    index = clip["index"]
    name = escape(_whole(clip.get("label") or f"[{index}]"))
    poster, path = told.posters.get(index, ""), quote(clip["path"] or "")
    screen = f'<img src="{escape(poster)}" alt="Clip {name}" width="200" style="{PICTURE}">' if poster else ""
    if path:
        look = f'preload="none" poster="{CLEAR}" style="{OVER}"' if poster else f'preload="none" style="{PICTURE}"'
        screen += f'<video src="{escape(path)}" title="Clip {name}" controls loop muted playsinline {look}></video>'
    link = f' <a href="{escape(path)}">{escape(_file(clip))}</a>' if path else ""
    return f'<td style="{CELL}"><div style="{SCREEN}">{screen}</div><b>{name}</b>{link}{_stars(clip)}</td>'


def _words(told: Told) -> str:
    card = told.card
    title = _whole(card["title"]) or "no prompt"
    if len(title) > LONGEST_WORDS:
        title = f"{title[:LONGEST_WORDS]}…"
    lines = [title, SANDBOX if card["sandbox"] else "", " · ".join(_facts(told)), _trouble(card)]
    for clip in card["clips"]:
        name = _whole(clip.get("label") or f"[{clip['index']}]")
        lines.append(f"{name} {clip['path'] or ('' if clip['url'] else 'kept in the library')}{_stars(clip)}")
    if not card["clips"]:
        lines.append(_afterwards(card))
    return "\n".join(line for line in lines if line)


def _facts(told: Told) -> list[str]:
    card = told.card
    facts = [public(card["origin"]), *(_whole(chip) for chip in card["chips"])]
    if card["clips"]:
        facts.append(card["headline"])
        facts.append(_duration(card["elapsed"]))
    elif not card["error"]:
        facts.append(f"{_whole(card['headline'])} when this was saved")
    if told.made:
        facts.append(f"{told.made.day} {told.made:%b %Y, %H:%M}")
    if card["task_id"]:
        facts.append(f"task {_whole(card['task_id'])}")
    return [fact for fact in facts if fact]


def _trouble(card: Mapping[str, Any]) -> str:
    error = card["error"]
    return (
        " ".join(public(part) for part in (f"{error['title']}:", error["text"], error["hint"]) if part) if error else ""
    )


def _afterwards(card: Mapping[str, Any]) -> str:
    """What to do to see more."""
    if card["clips"]:
        folders = {(clip["path"] or "").rpartition("/")[0] for clip in card["clips"]}
        folder = folders.pop() if len(folders) == 1 else ""
        return f"Kept in {folder}. {LIVE}" if folder else LIVE
    if card["error"]:
        return "" if card["state"] == "failed" else LIVE
    return "It goes on when the cell is run again, and nothing is sent twice."


def _file(clip: Mapping[str, Any]) -> str:
    return _whole(str(clip["path"]).rpartition("/")[2])


def _stars(clip: Mapping[str, Any]) -> str:
    rating = clip.get("rating")
    return f" {'★' * rating}{'☆' * (STARS - rating)}" if rating else ""


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def public(text: str) -> str:
    """A text of others as it may be passed on with a notebook: without the paths of this machine, and without what links hold
    beside the address, which can be a secret.
    """
    for folder, name in ((Path.cwd(), "."), (Path.home(), "~")):
        if len(folder.parts) > 1:
            text = text.replace(str(folder), name)
    return SECRETIVE.sub(r"\1\2", _whole(text))


def _whole(text: str) -> str:
    """Without what moves a cursor or a terminal's colours, and without halves of characters, which no file can hold."""
    return CONTROL.sub("", str(text)).encode("utf-8", errors="replace").decode("utf-8")

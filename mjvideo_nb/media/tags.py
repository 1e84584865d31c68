"""Words inside an MP4: title, comment and others in the tags that players and file managers show."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.written import written

from .files import check_extra, path_of
from .film import opened
from .joining import FASTSTART, copied_stream

__all__ = ["read_tags", "tag"]

COMMON = frozenset(
    [
        "title",
        "artist",
        "album_artist",
        "composer",
        "album",
        "date",
        "comment",
        "genre",
        "copyright",
        "grouping",
        "lyrics",
        "description",
        "synopsis",
        "show",
        "episode_id",
        "network",
        "keywords",
        "encoder",
        "creation_time",
    ]
)
"""The tags that MP4 has places of its own for. Any other makes FFmpeg write all of them as free keys."""
CONTAINER = frozenset({"major_brand", "minor_version", "compatible_brands"})
WRITTEN_AS = {"encoder": "encoding_tool"}
"""What FFmpeg takes the name of the program from; it reads it back as `encoder`."""
READ_AS = {value: name for name, value in WRITTEN_AS.items()}


def tag(source: Any, to: str | os.PathLike[str], tags: Mapping[str, str]) -> Path:
    """Copy an MP4 with tags inside it; its pictures and sound stay equal to the last bit.

    What an edit list hides at the end of a clip shows again in the copy; the service's clips hide nothing.

    Args:
        source: a clip that is on disk, or the path of one.
        to: where the copy goes, also `source` itself; a file that is there is replaced, a missing folder is made.
        tags: names and texts. `title`, `artist`, `comment`, `description`, `date`, `encoder` and the like are shown by
            most players; with any free name among them all are stored in a form that fewer players read. Tags that are
            in `source` stay unless they are given anew; an empty text takes one away.

    Returns:
        The path of the copy.

    Raises:
        InvalidRequest: an argument is wrong, an MP4 cannot hold what is in `source`, or PyAV or Pillow is missing.
        BadClip: it is no video.
        OSError: a file cannot be read or written.

    """
    check_extra()
    import av

    path, target = path_of(source, "source"), path_of(to, "to")
    _check(tags)
    with opened(path) as film, written(target) as part:
        kept = {**_tags(film.container.metadata), **tags}
        kept = {WRITTEN_AS.get(name, name): text for name, text in kept.items() if text}
        free = any(READ_AS.get(name, name) not in COMMON for name in kept)
        options = {"movflags": FASTSTART + ("+use_metadata_tags" if free else ""), "fflags": "+bitexact"}
        with av.open(str(part.absolute()), "w", format="mp4", options=options) as output:
            output.metadata.update(kept)
            chosen = [*film.container.streams.video[:1], *film.container.streams.audio]
            streams = {stream.index: copied_stream(output, stream, path.name) for stream in chosen}
            for packet in film.packets(*chosen):
                packet.stream = streams[packet.stream_index]
                output.mux(packet)
    return target


def read_tags(path: str | os.PathLike[str]) -> dict[str, str]:
    """The tags inside a video file.

    Args:
        path: the file, or a clip that is on disk.

    Returns:
        Names and texts.

    Raises:
        InvalidRequest: an argument is wrong, or PyAV or Pillow is missing.
        BadClip: it is no video.
        OSError: it cannot be read.

    """
    with opened(path_of(path, "path")) as film:
        return _tags(film.container.metadata)


def _tags(metadata: Mapping[str, str]) -> dict[str, str]:
    return {READ_AS.get(name, name): text for name, text in metadata.items() if name not in CONTAINER}


def _check(tags: Mapping[str, str]) -> None:
    if not isinstance(tags, Mapping):
        raise InvalidRequest('tags: a mapping of names to texts, such as {"title": "Tulip"}.', field="tags")
    for name, text in tags.items():
        if not isinstance(name, str) or not isinstance(text, str) or not name:
            raise InvalidRequest(f"tags: names and texts, not {name!r} with {type(text).__name__}.", field="tags")
        if name in CONTAINER or "\0" in name + text or not _encodable(name + text):
            raise InvalidRequest(f"tags: {name!r} cannot be stored; choose another name or text.", field="tags")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

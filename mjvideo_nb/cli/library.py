"""`mjvideo-nb library`: a library moved over to a database and back, and the account that many machines share at a glance."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mjvideo_nb import config
from mjvideo_nb.config import Secret
from mjvideo_nb.errors import InvalidRequest

from . import account, exits
from .arguments import make_folder
from .terminal import printable, say

if TYPE_CHECKING:
    from mjvideo_nb.library.moving import Files

__all__ = ["add_to"]

STATUSES = """
exit status:
  0    done
  1    a library cannot be used, or something waits to be sent; the message says what to do, and nothing was changed
  2    an argument does not do
"""
EPILOG = f"""\
examples:
  mjvideo-nb library copy mjvideo postgresql+psycopg://me@db.example/videos
  mjvideo-nb library account
{STATUSES}"""
COPY_EPILOG = f"""\
examples:
  mjvideo-nb library copy mjvideo postgresql+psycopg://me@db.example/videos
  mjvideo-nb library copy postgresql+psycopg://me@db.example/videos backup --files mjvideo
  mjvideo-nb library copy mjvideo elsewhere/mjvideo

A password is better left to PGPASSWORD or ~/.pgpass: everybody on a machine can read a command line.
{STATUSES}"""
FILE = "library.sqlite"
MOST_NAMED = 5


def add_to(commands: Any) -> None:
    """Add the command, with those of its own, to the parser."""
    command = commands.add_parser(
        "library",
        help="move a library to a database and back; look after an account that many share",
        description="A library's tables are in a file of its folder, or in a PostgreSQL database that kernels on many\n"
        "machines share.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    its_own = command.add_subparsers(
        title="commands", metavar="COMMAND", required=True, help="its help: mjvideo-nb library COMMAND --help"
    )
    _add_copy(its_own)
    account.add_to(its_own)


def _add_copy(commands: Any) -> None:
    command = commands.add_parser(
        "copy",
        help="copy everything that people have made from one library to another",
        description="Copies every job, clip, rating, tag, ranking, sweep, setting and allowance that is not there yet.\n"
        "What is there stays as it is, so a second run copies only what is new. FROM stays as it is.\n"
        "From a folder to a folder the files are copied too, and checked. From a folder to a database\n"
        "they stay in the folder, which goes on to be this machine's.",
        epilog=COPY_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("source", metavar="FROM", help="a folder, or the address of a database")
    command.add_argument("target", metavar="TO", help="the same; a folder is made if it is not there")
    command.add_argument(
        "--files",
        metavar="FOLDER",
        help="from a database to a folder: where this machine's files are (default: MJVIDEO_LIBRARY, or ./mjvideo)",
    )
    command.set_defaults(run=_copy)


def _copy(options: argparse.Namespace) -> int:
    from mjvideo_nb.library.moving import copy_files, copy_rows, open_database  # SQLAlchemy, which no help needs

    source, target = _place(options.source, "FROM"), _place(options.target, "TO")
    if isinstance(source, Path) and not (source / FILE).is_file():
        raise InvalidRequest(
            f"FROM: there is no library in {source}: it has no {FILE}. Name another folder.", field="FROM"
        )
    files = _files_of(options.files, source, target)
    if isinstance(target, Path) and isinstance(source, Path) and target.resolve() == source.resolve():
        raise InvalidRequest("TO: this is the same folder as FROM; name another.", field="TO")
    old = open_database(source)
    try:
        if isinstance(target, Path):
            target = make_folder(str(target), "TO")
        new = open_database(target)
        try:
            moved = copy_rows(old, new)
            _tell(
                f"{_counted(moved.rows['jobs'], 'job')} with {_counted(moved.rows['clips'], 'clip')}, {moved.usd:.2f} USD, "
                f"copied from {old.where} to {new.where}."
            )
            if moved.there:
                _tell(
                    f"{_counted(moved.there, 'job')} that {'was' if moved.there == 1 else 'were'} there stayed as before."
                )
            if files and isinstance(target, Path):
                say("Now the files ...")
                _tell_files(copy_files(old, new, files, target), files)
            elif isinstance(source, Path):
                _tell(
                    f"The files stay in {source}, which goes on to be this machine's folder: name it as library= where you "
                    "name the database."
                )
            else:
                _tell("The files stay where they are, on each machine.")
        finally:
            new.close()
    finally:
        old.close()
    return exits.OK


def _place(text: str, name: str) -> Path | Secret:
    if "://" not in text:
        if not text.strip():
            raise InvalidRequest(f"{name}: a folder, or the address of a database, not nothing.", field=name)
        return Path(text).expanduser()
    try:
        address = config.database(text)
    except InvalidRequest:
        address = None
    if address is None:
        # It may hold a password, so it is not repeated.
        raise InvalidRequest(
            f"{name}: a folder, or the address of a database such as postgresql+psycopg://user@host/name.", field=name
        )
    return address


def _files_of(text: str | None, source: Path | Secret, target: Path | Secret) -> Path | None:
    """Where files are copied from, or None where they stay."""
    if isinstance(target, Secret) or isinstance(source, Path):
        if text is not None:
            raise InvalidRequest(
                "--files: only from a database to a folder; a folder that is FROM has its own. Leave it out.",
                field="files",
            )
        return source if isinstance(source, Path) and isinstance(target, Path) else None
    folder = Path(text).expanduser() if text else config.library()
    if text and not folder.is_dir():
        raise InvalidRequest(f"--files: there is no folder {text}; name another.", field="files")
    return folder


def _tell_files(files: Files, folder: Path) -> None:
    there = f", {files.there} were there" if files.there else ""
    _tell(f"{_counted(files.copied, 'file')} copied from {folder}{there}.")
    if files.missing:
        _tell(
            f"{_counted(len(files.missing), 'file')} missing in {folder}: {_named(files.missing)}. Other machines may have "
            "them: copy there as well, or into their folders here and run this again."
        )
    if files.damaged:
        _tell(
            f"{_counted(len(files.damaged), 'file')} not copied, because they are not what was kept: {_named(files.damaged)}."
        )


def _named(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _tell(text: str) -> None:
    sys.stdout.write(f"{printable(text)}\n")
    sys.stdout.flush()

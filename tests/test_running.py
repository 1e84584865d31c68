"""`run`: to the end from anywhere, and asyncio as it was before."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

import mjvideo_nb as mj
from mjvideo_nb import nesting
from tests.patience import PATIENCE

OWNERS = (asyncio, asyncio.tasks, asyncio.futures, asyncio.events)


async def doubled(number):
    await asyncio.sleep(0.01)
    return 2 * number


async def fails():
    await asyncio.sleep(0)
    raise mj.QueueFull("full")


def python(code, **options):
    """A script of its own, warnings being errors there too."""
    command = [sys.executable, "-W", "error", "-c", f"import asyncio, sys\nimport mjvideo_nb as mj\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, **options)


def in_a_loop(function):
    """As in a plain cell: called while a loop runs, and not from a coroutine that could await."""

    async def cell():
        return function()

    return asyncio.run(cell())


def as_it_is():
    """Everything that could have been replaced."""
    owners = (*OWNERS, type(asyncio.get_event_loop_policy()), asyncio.SelectorEventLoop)
    return [{name: value for name, value in vars(owner).items() if name[:2] != "__"} for owner in owners]


# To the end


def test_in_a_script():
    assert mj.run(doubled(21)) == 42


def test_inside_a_loop_that_runs():
    assert in_a_loop(lambda: mj.run(doubled(21))) == 42


@pytest.mark.parametrize("where", [in_a_loop, lambda function: function()], ids=["in a loop", "in a script"])
def test_it_raises_what_await_would_raise(where):
    with pytest.raises(mj.QueueFull):
        where(lambda: mj.run(fails()))


def test_from_a_function_that_a_coroutine_calls_which_is_run_itself():
    async def outer():
        return mj.run(doubled(2)) + await doubled(3)

    assert in_a_loop(lambda: mj.run(outer())) == 10
    assert mj.run(outer()) == 10


def test_in_a_thread_without_a_loop():
    found = []
    thread = threading.Thread(target=lambda: found.append(mj.run(doubled(4))))
    thread.start()
    thread.join(PATIENCE)
    assert found == [8]


def test_it_is_the_loop_that_runs_here():
    """So that what is bound to the kernel's loop can be awaited."""

    async def cell():
        here = asyncio.get_running_loop()
        bound = here.create_future()
        here.call_later(0.01, bound.set_result, "bound")

        async def inside():
            return asyncio.get_running_loop(), await bound

        return here, mj.run(inside())

    here, (there, value) = asyncio.run(cell())
    assert (there, value) == (here, "bound")


def test_a_script_has_one_loop_for_all_calls(sandbox, photo, tmp_path):
    """A client keeps its connections on the loop on which they were made."""
    client = mj.Client("key", sandbox.url)
    task = mj.run(client.submit(mj.VideoRequest(image=photo, prompt="steam", extra={"batchSize": 1})))
    task = mj.run(client.wait(task))
    assert [path.exists() for path in mj.run(client.download(task, tmp_path))] == [True]
    mj.run(client.close())


def test_what_is_left_running_goes_on_with_the_loop():
    left = []

    async def leaves():
        left.append(asyncio.create_task(doubled(5)))

    async def cell():
        mj.run(leaves())
        return await left[0]

    assert asyncio.run(cell()) == 10


def test_what_is_left_running_at_the_end_of_a_script_is_cancelled():
    code = """
async def leaves():
    async def other():
        try:
            await asyncio.sleep(60)
        finally:
            sys.stdout.write("cancelled")
    await asyncio.to_thread(int)
    global left
    left = asyncio.create_task(other())
    await asyncio.sleep(0)
mj.run(leaves())
"""
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "cancelled", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_has_a_loop_of_its_own():
    assert mj.run(doubled(1)) == 2
    child = os.fork()
    if not child:
        os._exit(mj.run(doubled(3)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6
    assert mj.run(doubled(2)) == 4


# As it was before


def test_nothing_is_applied_by_an_import():
    done = python("mj.run\nsys.stdout.write(str('nest_asyncio2' in sys.modules) + asyncio.run.__module__)")
    assert done.stdout == "Falseasyncio.runners", done.stderr


def test_a_script_needs_none_of_it():
    code = "mj.run(asyncio.sleep(0))\nsys.stdout.write(str('nest_asyncio2' in sys.modules))"
    assert python(code).stdout == "False"


@pytest.mark.parametrize("coroutine", [doubled, fails])
def test_asyncio_is_as_it_was(coroutine):
    before = as_it_is()

    def cell():
        try:
            mj.run(coroutine(1) if coroutine is doubled else coroutine())
        except mj.QueueFull:
            assert coroutine is fails
        assert vars(asyncio.get_running_loop()).keys() == known
        with pytest.raises(RuntimeError, match="running event loop"):
            asyncio.run(refused := doubled(1))
        refused.close()

    async def names():
        return vars(asyncio.get_running_loop()).keys()

    known = set(asyncio.run(names()))
    in_a_loop(cell)
    assert as_it_is() == before


def test_two_threads_may_be_inside_at_once():
    """Who is first out must not take it from under the other."""
    before = as_it_is()
    inside, out = threading.Event(), threading.Event()

    async def first():
        inside.set()
        while not out.is_set():
            await asyncio.sleep(0.001)
        return await doubled(1)

    def second():
        assert inside.wait(PATIENCE)
        found.append(in_a_loop(lambda: mj.run(doubled(2))))
        out.set()

    found = []
    thread = threading.Thread(target=second)
    thread.start()
    found.append(in_a_loop(lambda: mj.run(first())))
    thread.join(PATIENCE)
    assert found == [4, 2]
    assert as_it_is() == before


def test_another_thread_has_asyncio_as_ever_meanwhile():
    """Its loops are its own and closed at the end, and one that has none is told so."""

    def other():
        with pytest.raises(RuntimeError, match="no current event loop"):
            asyncio.get_event_loop_policy().get_event_loop()
        return asyncio.run(doubled(6))  # a loop that is not closed is an error here

    async def inside():
        return await asyncio.to_thread(other), asyncio.run(doubled(1))

    assert in_a_loop(lambda: mj.run(inside())) == (12, 2)


def test_what_somebody_else_has_applied_stays():
    code = """
import nest_asyncio2
async def cell():
    nest_asyncio2.apply()
    mj.run(asyncio.sleep(0))
    return asyncio.run(asyncio.sleep(0, "still works"))
sys.stdout.write(asyncio.run(cell()))
"""
    done = python(code)
    assert (done.stdout, done.stderr) == ("still works", "")


# The loop survives


def test_what_was_due_in_the_same_turn_still_is(capsys):
    """The loop counts what is due before each turn; what was done inside is missing at its end, and no kernel dies of it."""
    seen = []

    async def kernel():
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.call_soon(lambda: seen.append(mj.run(doubled(1))))
        loop.call_soon(seen.append, "b")
        loop.call_soon(seen.append, "c")
        loop.call_later(0.05, ended.set_result, "the loop runs")
        return await ended

    assert asyncio.run(kernel()) == "the loop runs"
    assert seen == ["b", "c", 2]


def test_what_waits_for_the_context_of_a_cell_has_its_turn_after_it():
    """ipykernel 7 runs all cells in one context, which cannot be entered while a cell is in it."""
    seen = []

    async def cell(name):
        seen.append((name, mj.run(doubled(len(seen)))))

    async def kernel():
        import contextvars

        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.create_task(cell(name), context=context) for name in "abc"))

    asyncio.run(kernel())
    assert seen == [("a", 0), ("b", 2), ("c", 4)]


# What is wrong


@pytest.mark.parametrize("what", [doubled, 5, None, lambda: 1])
def test_what_cannot_be_awaited_is_refused(what):
    with pytest.raises(mj.InvalidRequest, match=r"^coro: something to await") as caught:
        mj.run(what)
    assert caught.value.field == "coro"


def test_a_function_that_was_not_called_is_named():
    with pytest.raises(mj.InvalidRequest, match=r"call it: mj\.run\(doubled\(\)\)"):
        mj.run(doubled)


def test_a_loop_that_cannot_be_entered_is_refused_and_nothing_stays(monkeypatch):
    import nest_asyncio2

    def refuse(loop):
        raise ValueError(f"Can't patch loop of type {type(loop)}")

    monkeypatch.setattr(nest_asyncio2, "_patch_loop", refuse)
    before = as_it_is()
    with pytest.raises(mj.InvalidRequest, match="write `await"):
        in_a_loop(lambda: mj.run(doubled(1)))
    assert as_it_is() == before


# Interrupts


@pytest.fixture
def _sigint():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_sigint")
@pytest.mark.parametrize("where", [in_a_loop, lambda function: function()], ids=["in a loop", "in a script"])
def test_an_interrupt_cancels_the_coroutine_and_is_raised(where):
    seen = []

    async def long():
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cleaned up")
            raise

    with pytest.raises(KeyboardInterrupt):
        where(lambda: mj.run(long()))
    assert seen == ["cleaned up"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("_sigint")
def test_a_second_interrupt_does_not_wait_for_what_will_not_be_cancelled():
    async def stubborn():
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            loop.call_soon(os.kill, os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        in_a_loop(lambda: mj.run(stubborn()))


@pytest.mark.usefixtures("_sigint")
def test_the_handler_of_a_program_is_left_alone():
    seen = []

    def mine(*_):
        seen.append("mine")

    async def long():
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        return await doubled(1)

    signal.signal(signal.SIGINT, mine)
    assert in_a_loop(lambda: mj.run(long())) == 2
    assert seen == ["mine"]


# The archived nest_asyncio

OLD = """
import contextvars, types, warnings
import nest_asyncio
sys.modules["ipykernel"] = types.SimpleNamespace(version_info=({version}, 0, 0))
warnings.simplefilter("always")
seen = []
async def cell(name):
    seen.append(mj.run(asyncio.sleep(0.01, name)))
async def kernel():
    nest_asyncio.apply()
    old = asyncio.run
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.create_task(cell(name), context=context) for name in "abc"))
    assert asyncio.run is old, "it was there before"
asyncio.run(kernel())
sys.stdout.write("".join(seen))
"""


def test_the_archived_one_is_warned_of_and_loses_nothing_here():
    done = python(OLD.format(version=7))
    assert done.stdout == "abc", done.stderr
    assert "pip install nest-asyncio2" in done.stderr
    assert "already patched" not in done.stderr


def test_it_is_not_warned_of_where_it_does_no_harm():
    done = python(OLD.format(version=6))
    assert (done.stdout, done.stderr) == ("abc", "")


def test_the_remedy_is_named():
    for words in ("mj.run(...)", "nest-asyncio2", "restart the kernel"):
        assert words in nesting.OLD_NESTING

"""What is kept, what is pruned, and that a broken file is not a broken service."""

import os
import time

from mjvideo_nb.sandbox import store as store_module
from mjvideo_nb.sandbox.store import Store


def aged(store, hours):
    task_id = store.new_id()
    then = time.time() - hours * 3600
    os.utime(store.root / task_id, (then, then))
    return task_id


def test_only_the_newest_are_kept_and_never_one_in_use(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "KEPT", 3)
    store = Store(tmp_path)
    old = [aged(store, hours) for hours in (5, 4, 3, 2)]
    in_use = [aged(store, 0) for _ in range(4)]
    (tmp_path / "not a task").mkdir()
    store.prune()
    assert {folder.name for folder in tmp_path.iterdir()} == {*in_use, "not a task"}
    assert not set(old) & set(in_use)


def test_what_a_killed_process_left_half_written_is_cleared(tmp_path):
    store = Store(tmp_path)
    fresh, stale = aged(store, 0), aged(store, 2)
    for task_id, hours in ((fresh, 0), (stale, 2)):
        (tmp_path / task_id / "0_0.mp4.1-x.part").touch()
        os.utime(tmp_path / task_id, (time.time() - hours * 3600,) * 2)
    store.prune()
    assert [path.parent.name for path in tmp_path.glob("*/*.part")] == [fresh]


def test_ids_are_17_digits_and_never_twice(tmp_path):
    ids = [Store(tmp_path).new_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(len(task_id) == 17 and task_id.isdecimal() for task_id in ids)
    assert Store(tmp_path).new_id("0").startswith("0")


def test_a_task_that_cannot_be_read_counts_as_unknown(tmp_path):
    store = Store(tmp_path)
    task_id = store.new_id()
    for text in ("", "{}", "[1]", '{"id": 1}', "null"):
        (tmp_path / task_id / "task.json").write_text(text)
        assert store.load(task_id) is None


def test_a_path_is_not_an_id(tmp_path):
    (tmp_path / "task.json").write_text("{}")
    store = Store(tmp_path / "store")
    assert store.load("..") is None
    assert store.load("") is None


def test_a_task_that_another_process_pruned_is_unknown(caller, tmp_path):
    task = caller.make()
    for path in (tmp_path / "store" / task["id"]).iterdir():
        path.unlink()
    (tmp_path / "store" / task["id"]).rmdir()
    assert caller.http.get(f"/mj/task/{task['id']}/fetch").status_code == 400

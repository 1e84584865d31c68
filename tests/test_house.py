"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "mjvideo_nb"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 400  # lines; a module that passes it wants to be two
COMMANDS = ('pip install -e ".[demo]" && mjvideo-nb demo', 'pip install -e ".[test]" && pytest')

each_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PROJECT).as_posix())


@each_module
def test_a_module_is_short_enough_to_be_read_at_once(module):
    lines = module.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST


@each_module
def test_a_public_module_says_what_it_is_for(module):
    public = not module.stem.startswith("_") or module.stem == "__init__"
    if public:
        says = ast.get_docstring(_tree(module))
        assert says, "The first line of a module says what it is for."


@each_module
def test_only_the_command_line_prints(module):
    """In a notebook, a print from a callback or a thread vanishes or lands under a stranger's cell."""
    if module.stem == "cli":
        return
    lines = [
        node.lineno
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert lines == []


@each_module
def test_no_error_is_swallowed_unseen(module):
    lines = [node.lineno for node in ast.walk(_tree(module)) if isinstance(node, ast.ExceptHandler) and _swallows(node)]
    assert lines == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_has_the_two_commands(command):
    lines = (PROJECT / "README.md").read_text(encoding="utf-8").splitlines()
    assert command in [line.strip() for line in lines]


@pytest.mark.parametrize(
    ("code", "swallows"),
    [
        ("try: f()\nexcept: g()", True),
        ("try: f()\nexcept Exception: pass", True),
        ("try: f()\nexcept (ValueError, BaseException): ...", True),
        ("try: f()\nexcept Exception as error: report(error)", False),
        ("try: f()\nexcept KeyError: pass", False),
    ],
)
def test_the_rule_itself(code, swallows):
    handler = ast.parse(code).body[0].handlers[0]
    assert _swallows(handler) is swallows


def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether it catches without naming anything, or catches everything and does nothing."""
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    everything = any(isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"} for name in caught)
    nothing = all(
        isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        for line in handler.body
    )
    return everything and nothing

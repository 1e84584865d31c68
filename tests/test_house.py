"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.failures import each

PROJECT = Path(__file__).parent.parent
PACKAGE = PROJECT / "mjvideo_nb"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 400  # lines; a module that passes it wants to be two
COMMANDS = ('pip install -e ".[demo]" && mjvideo-nb demo', 'pip install -e ".[test]" && pytest')

BY_NAME = {path.relative_to(PROJECT).as_posix(): path for path in MODULES}
SWALLOWING = {
    "try: f()\nexcept: g()": True,
    "try: f()\nexcept Exception: pass": True,
    "try: f()\nexcept (ValueError, BaseException): ...": True,
    "try: f()\nexcept Exception as error: report(error)": False,
    "try: f()\nexcept KeyError: pass": False,
}


@each(BY_NAME)
def test_a_module_is_short_enough_to_be_read_at_once(module):
    lines = module.read_text(encoding="utf-8").count("\n")
    if lines > LONGEST:
        yield f"it has {lines} lines; make two modules of it, of {LONGEST} at most"


@each(BY_NAME)
def test_a_public_module_says_what_it_is_for(module):
    public = not module.stem.startswith("_") or module.stem == "__init__"
    if public and not ast.get_docstring(_tree(module)):
        yield "it has no docstring; say in its first line what it is for"


@each({name: module for name, module in BY_NAME.items() if module.stem != "cli"})
def test_only_the_command_line_prints(module):
    """In a notebook, a print from a callback or a thread vanishes or lands under a stranger's cell."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"line {node.lineno} prints; show it on a card, or raise it"


@each(BY_NAME)
def test_no_error_is_swallowed_unseen(module):
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ExceptHandler) and _swallows(node):
            yield f"line {node.lineno} swallows whatever is raised; name the error, or tell of it"


@each(COMMANDS)
def test_the_readme_has_the_two_commands(command):
    lines = (PROJECT / "README.md").read_text(encoding="utf-8").splitlines()
    if command not in [line.strip() for line in lines]:
        yield "no line of README.md is this command; put it there, on a line of its own"


@each({repr(code): (code, swallows) for code, swallows in SWALLOWING.items()})
def test_the_rule_itself(example):
    code, swallows = example
    if _swallows(ast.parse(code).body[0].handlers[0]) is not swallows:
        yield f"it {'swallows' if swallows else 'does not swallow'} an error, and _swallows says otherwise"


@cache
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

"""What a person sees: a real JupyterLab in a real Chromium.

A package, so that leaving this folder ends Playwright (see ``conftest.py``) and its test files may share names
with those above. Tests here are plain ``def``: Playwright's sync interface refuses to run inside an event loop.
"""

"""The notebook layer: a form, live cards, players. The core below it knows nothing of Jupyter."""

"""Make Midjourney videos from inside a Jupyter notebook."""

"""Answering over HTTP: the Open Inference Protocol v2, a plain JSON route, metrics; needs ``mothernet-runtime[serve]``.

Nothing outside of this package imports it, except the command: `serve` when it runs, and the limits for its help.
"""

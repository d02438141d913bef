"""`deskwire top`: a desk as a live screen in a terminal.

    snapshot, state ──▶ scene ──screen.draw──▶ lines of spans ──app, picture──▶ the terminal
                          cover ──canvas.painting──▶ sequences ────┘

Everything left of `app` and `picture` is pure: a scene and a size give the same lines every time.
Only these two know Textual, and only `cover` knows Pillow; all are imported when the screen opens.
"""

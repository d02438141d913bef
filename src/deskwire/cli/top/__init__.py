"""`deskwire top`: a desk as a live screen in a terminal.

    snapshot, state ──▶ scene ──screen.draw──▶ lines of spans ──app──▶ the terminal

Everything left of `app` is pure: a scene and a size give the same lines every time. Only `app`
knows Textual, and only `cover` knows Pillow; both are imported when the screen opens.
"""

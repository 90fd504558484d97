"""The module behind ``LNStation.py``, in rooms; ``Testing/Python/module/test_rooms.py`` holds their order.

From the top down, each using only those below it:

- ``panel``: the widget, its sections, the station table; they show, and call the logic.
- ``Logic.py``: joins scene, worker and review; what the panel's buttons do.
- ``views``: what is drawn over the images, and moving through them. ``worker``: the worker's process, the requests to
  it, what becomes of their answers. Neither uses the other.
- ``case``: one case in the MRML scene: its nodes, settings, review and edits.
- ``exchange``: MRML nodes to arrays and back, organ matching, terminology, the types of the assessment.
- ``install``: the worker's environment.
- ``support``: what all of them share; knows none of them.
"""

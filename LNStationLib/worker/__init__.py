"""The worker process: keeps cases and models warm, and answers JSON-RPC lines; see ``docs/worker.md``.

``messages`` and ``volume_files`` are used by the Slicer module too: standard library and numpy only. Nothing may be
imported here.
"""

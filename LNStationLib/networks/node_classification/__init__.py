"""Networks that judge one node by its patch: CT at its own size, and zoomed to the node."""

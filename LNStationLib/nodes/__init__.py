"""Where the nodes are, how large and how hot."""

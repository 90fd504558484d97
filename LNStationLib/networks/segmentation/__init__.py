"""Networks that label voxels: from ``[B, channel, z, y, x]`` to logits ``[B, class, z, y, x]``."""

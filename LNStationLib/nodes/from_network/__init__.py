"""What a network says of every voxel as single nodes, each with a score."""

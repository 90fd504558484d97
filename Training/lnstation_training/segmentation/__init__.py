"""What the tasks that segment whole volumes share: patients on disk, patches, drawn appearance, losses, inference."""

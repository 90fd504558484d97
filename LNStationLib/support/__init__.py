"""What every room may use: errors, types, files, processes, progress, resources."""

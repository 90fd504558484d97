"""From a network's probabilities to organs: labels on the working grid, clean-up by topology, confidence."""

"""What runs networks: devices, engines, the warm cache, batches and sliding windows; torch is imported where used."""

"""Model packages and the runtime that runs their networks."""

"""Where the reference organs are: supplied masks, the image itself, surrogates."""

# What Slicer does here concerns packaging alone.

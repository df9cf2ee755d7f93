"""SQL over the views, from the command line: read only, in every way in."""

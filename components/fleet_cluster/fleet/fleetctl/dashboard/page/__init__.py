"""The page's own files, as the browser gets them."""

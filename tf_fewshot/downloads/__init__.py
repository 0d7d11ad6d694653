"""Files that are brought from a package index or the web once, checked, and kept in a cache."""

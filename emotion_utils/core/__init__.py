"""What all else stands on: errors, paths, whole files, hashes, the store, sizes by profile."""

"""Pages that the API serves itself: they load nothing from anywhere else."""

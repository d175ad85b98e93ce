"""Model folders on disk, and running what they hold: in workers only."""

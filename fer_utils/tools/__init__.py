"""What runs the course: the command `fer`, notebooks from the command line, sweeps, checks of the set-up, Colab."""

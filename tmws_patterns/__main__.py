"""`python -m tmws_patterns`."""

from tmws_patterns.cli import main

if __name__ == "__main__":
    main()

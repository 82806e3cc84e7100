"""``python -m naga`` is the command ``naga``."""

from naga.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m bridge`` is ``ill-bridge``."""

from bridge.cli.main import main

main()

"""`python3 -m fleet.fleetd`: one machine's part of the cluster."""

from .process import main

if __name__ == "__main__":
    main()

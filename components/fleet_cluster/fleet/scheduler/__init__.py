"""The scheduler, pure: relations of units, feasibility, and the placement that fulfils them."""

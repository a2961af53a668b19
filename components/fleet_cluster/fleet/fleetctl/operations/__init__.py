"""Operations: what commands do to units and machines, and how they wait."""

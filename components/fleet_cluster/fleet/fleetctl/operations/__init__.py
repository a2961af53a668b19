"""Operations: what commands do to units and machines."""

"""Operations on the terminal: health, proofs, costs, dead letters."""

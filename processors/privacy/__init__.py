"""What must not leave: personal data and secrets, found in texts and hidden behind tokens."""

"""How what is said reaches people, once and at the right time."""

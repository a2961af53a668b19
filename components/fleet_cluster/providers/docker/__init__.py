"""The provider Docker: machines as containers on this computer."""

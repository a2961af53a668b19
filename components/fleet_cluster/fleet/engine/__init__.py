"""The engine: the elected fleetd schedules units onto machines."""

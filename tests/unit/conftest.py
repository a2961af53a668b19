from hypothesis import HealthCheck, settings

# A test never fails because the computer is slow.
settings.register_profile("any-pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-pace")

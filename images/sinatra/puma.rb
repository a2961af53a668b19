bind "tcp://0.0.0.0:#{ENV.fetch("PORT", "5000")}"
threads 1, 8

# SIGTERM: answer what was accepted and what still waits in the socket's queue, then exit with 0.
drain_on_shutdown
raise_exception_on_sigterm false

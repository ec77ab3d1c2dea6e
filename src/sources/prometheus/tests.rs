//! Bad answers one by one, the simulator with its outages, and a real Prometheus.

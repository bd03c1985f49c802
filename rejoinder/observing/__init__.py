"""What runs is seen from outside: metrics, health and readiness over HTTP, spans, logs.

Each program serves its own, on a port of its own. The parts of the system tell what they do through small protocols
(topics.observing, projections.observing, topics.tracing); here is what is made of it.
"""

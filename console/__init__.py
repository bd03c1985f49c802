"""HTTP for people and other systems: what an agent, a supervisor or a conversation manager asks and reads."""

"""What would have been: the recorded facts again under another policy, in memory, with agents modelled on the real."""

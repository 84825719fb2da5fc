"""模拟器: a federation of regions on one machine, each a process of its own, to see what happens and what goes wrong.

Nothing here judges or answers anything: nodes are the ordinary service, set up by the ordinary commands. The simulator
starts them, stands in the way between them (``relay``), moves their clocks, and tells what came of it.
"""

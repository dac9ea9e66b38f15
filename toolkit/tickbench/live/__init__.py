"""A live engine from outside: its probe page, its threads, what runs in them; read-only, and nothing of it is ever stopped.

target     the engine by pid or name, followed over a restart where a name was given
threads    what the kernel counts of its threads
watch      one look at all of it: what `tickbench top` shows and the exporter serves
metrics    a look as OpenMetrics text
server     the exporter: HTTP on a loopback port
"""

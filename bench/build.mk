# The floor program of the guest: static, in the benchmark initrd only.
PROGS += pith-bench-guest
pith-bench-guest_SRC := bench/guest_main.c bench/guest_spawn.c
pith-bench-guest_LIBS := base
pith-bench-guest_MUSL := 1

# Drives the floors and the agent from the host and prints what a round gave.
PROGS += pith-bench
pith-bench_SRC := bench/host_main.c bench/host_raw.c bench/host_rpc.c
pith-bench_LIBS := ttrpc proto base
pith-bench_PKGS := libprotobuf-c

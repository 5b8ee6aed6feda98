# The floor program of the guest: static, in the benchmark initrd only.
PROGS += pith-bench-guest
pith-bench-guest_SRC := bench/guest_main.c bench/guest_spawn.c
pith-bench-guest_LIBS := base
pith-bench-guest_MUSL := 1

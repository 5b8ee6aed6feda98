LIBS += vmm
vmm_SRC := vmm/bundle.c vmm/config.c vmm/paths.c vmm/state.c vmm/accel.c vmm/agent_wait.c vmm/qemu_args.c \
	vmm/ctl_args.c vmm/ctl_run.c vmm/spawn.c vmm/jail.c vmm/share.c vmm/host_cgroup.c vmm/sockets.c vmm/qmp.c \
	vmm/programs.c vmm/keeper.c vmm/launch.c vmm/cmd_run.c vmm/cmd_vm.c

PROGS += pith-vm
pith-vm_SRC := vmm/main.c
pith-vm_LIBS := vmm base
pith-vm_PKGS := jansson
INSTALL_BIN += pith-vm
INSTALL_MAN += docs/man/pith-vm.1
INSTALL_COMPLETION += completions/pith-vm

# SPDX-License-Identifier: Apache-2.0
LIBS += agent
agent_SRC := agent/config.c agent/config_file.c agent/worker.c agent/worker_exec.c
agent_SRC += agent/dispatch.c agent/unpack.c agent/rpc_health.c agent/ring.c agent/stream.c
agent_SRC += agent/pci.c agent/uevent.c agent/device.c agent/netlink.c agent/net.c \
	agent/net_route.c agent/net_list.c
agent_PKGS := libudev

# SPDX-License-Identifier: Apache-2.0
LIBS += agent
agent_SRC := agent/config.c agent/config_file.c
agent_SRC += agent/pci.c agent/uevent.c agent/device.c agent/netlink.c
agent_PKGS := libudev

# SPDX-License-Identifier: Apache-2.0
LIBS += agent
agent_SRC := agent/config.c agent/config_file.c agent/worker.c agent/worker_exec.c
agent_SRC += agent/dispatch.c agent/unpack.c agent/rpc_health.c agent/ring.c agent/stream.c
agent_SRC += agent/spec_proto.c agent/spec_proto_res.c agent/process.c agent/container.c agent/teardown.c agent/bundle.c
agent_SRC += agent/rpc_sandbox.c agent/rpc_container.c agent/rpc_process.c agent/rpc_stdio.c agent/rpc_events.c
agent_SRC += agent/agent.c agent/sandbox.c agent/sandbox_setup.c agent/create.c agent/shutdown.c agent/oom.c
agent_SRC += agent/init_link.c agent/journal.c agent/orphans.c agent/log_port.c agent/debug_console.c
agent_SRC += agent/pci.c agent/uevent.c agent/device.c agent/netlink.c agent/net.c \
	agent/net_route.c agent/net_list.c agent/rpc_net.c agent/guest.c agent/rpc_guest.c agent/rpc_storage.c agent/copyfile.c agent/rpc_copy.c \
	agent/mount_opts.c agent/storage_mount.c agent/storage_fsgroup.c agent/device_spec.c agent/resource.c agent/hotplug.c agent/storage.c \
	agent/storage_bind.c agent/storage_block.c agent/storage_overlay.c agent/storage_tmpfs.c agent/storage_virtiofs.c
agent_PKGS := libudev mount
PROGS += pith-agent
pith-agent_SRC := agent/main.c
pith-agent_LIBS := agent container ttrpc proto base
pith-agent_PKGS := libseccomp libudev mount libprotobuf-c

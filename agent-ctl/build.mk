# SPDX-License-Identifier: Apache-2.0
LIBS += actl
actl_PKGS := jansson
actl_SRC := agent-ctl/attach.c agent-ctl/base64.c agent-ctl/bundle.c agent-ctl/cmd_call.c agent-ctl/cmd_console.c \
	agent-ctl/cmd_container.c agent-ctl/cmd_copy.c agent-ctl/cmd_guest.c agent-ctl/cmd_run.c \
	agent-ctl/cmd_stats.c agent-ctl/ctl.c agent-ctl/json_in.c agent-ctl/json_out.c \
	agent-ctl/keyval.c agent-ctl/oci.c agent-ctl/oci_table.c agent-ctl/output.c agent-ctl/print.c agent-ctl/run_options.c \
	agent-ctl/signame.c agent-ctl/spec.c agent-ctl/spec_mount.c agent-ctl/tty.c
PROGS += pith-ctl
pith-ctl_SRC := agent-ctl/main.c
pith-ctl_LIBS := actl ttrpc proto base
INSTALL_BIN += pith-ctl
INSTALL_MAN += docs/man/pith-ctl.1 docs/man/pith-agent.8 docs/man/pith-init.8
INSTALL_COMPLETION += completions/pith-ctl

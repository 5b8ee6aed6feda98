# SPDX-License-Identifier: Apache-2.0
LIBS += agent
agent_SRC := agent/config.c agent/config_file.c

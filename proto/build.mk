# SPDX-License-Identifier: Apache-2.0
LIBS += proto
proto_PKGS := libprotobuf-c
PROTOS += proto/google/protobuf/empty.proto proto/types.proto proto/csi.proto proto/oci.proto \
	proto/health.proto proto/agent.proto

LIBS += proto
PROTOS += proto/google/protobuf/empty.proto proto/types.proto proto/csi.proto proto/oci.proto \
	proto/health.proto proto/agent.proto

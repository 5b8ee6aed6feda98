LIBS += container
container_PKGS := libseccomp libcgroup
container_SRC :=
container_SRC += container/caps.c

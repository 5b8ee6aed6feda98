LIBS += vsb
vsb_SRC := vmm/bridge/mem.c vmm/bridge/vring.c vmm/bridge/vsock.c vmm/bridge/vhost_user.c \
	vmm/bridge/conn.c vmm/bridge/device.c vmm/bridge/hybrid.c vmm/bridge/confine.c

PROGS += pith-vsockd
pith-vsockd_SRC := vmm/bridge/main.c
pith-vsockd_LIBS := vsb base
pith-vsockd_PKGS := libseccomp
INSTALL_BIN += pith-vsockd
INSTALL_MAN += docs/man/pith-vsockd.1

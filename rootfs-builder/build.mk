# SPDX-License-Identifier: Apache-2.0
# Guest images. One initrd per kernel, because only the packaged kernel has modules; the plain name
# is a link to the one for the kernel that `rootfs-builder/kernel.sh which` names.
#   WITH="debug mkfs iptables"   optional package sets
#   COMPRESS=gzip|zstd|lz4       compressed initrd (TCG boots an uncompressed one faster)

WITH ?=
BUILDER_DEPS := $(O)/bin/pith-init $(O)/bin/pith-agent VERSION $(wildcard rootfs-builder/*.sh \
	rootfs-builder/config/*.conf rootfs-builder/files/*)
BUILDER_ARGS = --init $(O)/bin/pith-init --agent $(O)/bin/pith-agent $(WITH:%=--with %)

.PHONY: initrd image kernel-packaged FORCE
FORCE:

initrd: $(O)/pith-initrd.cpio ## the guest's initrd for the default kernel
image: $(O)/pith-image.raw ## the guest's root as a disk image (for the tuned kernel)
kernel-packaged: ## fetch and unpack Debian's cloud kernel
	@rootfs-builder/kernel-packaged.sh

# Changes only when another package set, compression or kernel is asked for.
$(O)/image.args: FORCE
	@mkdir -p $(@D)
	@echo '$(WITH) $(COMPRESS)' | cmp -s - $@ || echo '$(WITH) $(COMPRESS)' >$@
$(O)/kernel-packaged.dir: FORCE
	@mkdir -p $(@D)
	@rootfs-builder/kernel-packaged.sh >$@.new && { cmp -s $@.new $@ || cp $@.new $@; }

$(O)/pith-initrd-tuned.cpio: $(BUILDER_DEPS) $(O)/image.args
	@rootfs-builder/initrd.sh --output $@ $(BUILDER_ARGS) $(COMPRESS:%=--compress %)

$(O)/pith-initrd-packaged.cpio: $(BUILDER_DEPS) $(O)/image.args $(O)/kernel-packaged.dir
	@rootfs-builder/initrd.sh --output $@ $(BUILDER_ARGS) $(COMPRESS:%=--compress %) \
		--kernel "$$(cat $(O)/kernel-packaged.dir)"

# Which kernel is the default may change between two runs without any file of the tree changing.
$(O)/pith-initrd.cpio: $(BUILDER_DEPS) FORCE
	@kernel=$$(rootfs-builder/kernel.sh which) && \
		$(MAKE) --no-print-directory MODE=$(MODE) O=$(O) $(O)/pith-initrd-$$kernel.cpio && \
		ln -sfn pith-initrd-$$kernel.cpio $@

$(O)/pith-image.raw: $(BUILDER_DEPS) $(O)/image.args
	@rootfs-builder/image.sh --output $@ $(BUILDER_ARGS)

.PHONY: check-image
check-image: ## tests of the image and kernel builders
	@bats tests/image
